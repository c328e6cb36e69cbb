#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A host that does not answer ARP: the sender is told "host unreachable", the packets are counted.
#
#   far 192.168.50.10 ─ router ─ gw ─ nobody at 10.10.0.99
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start
gateway_start

output=$(on far ping -n -c 1 -W 10 10.10.0.99 || true)
contains "the gateway says so" "$output" "From 172.16.0.1"
contains "host unreachable" "$output" "Destination Host Unreachable"
equal "a connection" "$(traffic far tcp 10.10.0.99 443 --wait 10)" unreachable
at_least "packets counted under neighbour-failed" "$(drops neighbour-failed)" 2
expect "other hosts meanwhile" ping_from far 10.10.0.10
