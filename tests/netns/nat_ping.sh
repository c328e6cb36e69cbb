#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Ping through a nat rule: identifiers are translated and come back to their owners.
#
#   far 192.168.50.10 ─ router ─┬─ gw nat 10 ─┬─ vc   10.10.0.10
#   near 172.16.0.50 ───────────┘             └─ esx1 10.10.0.21
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start
gateway_start

for client in far near; do
	for server in 10.10.0.10 10.10.0.21; do
		expect "$client pings $server" ping_from $client $server
	done
done

# The same identifier from two clients at once: each gets its own answers, and all of them.
spawn ping-far far ping -n -e 77 -c 10 -i 0.1 -W 2 10.10.0.10
spawn ping-near near ping -n -e 77 -c 10 -i 0.1 -W 2 10.10.0.10
for client in far near; do
	finish ping-$client || fail "$client lost pings: $(cat "$WORK/ping-$client.out")"
	contains "$client with identifier 77" "$(cat "$WORK/ping-$client.out")" \
		"10 received, 0% packet loss"
done
at_least "ICMP sessions" "$(sessions protocol icmp)" 6
