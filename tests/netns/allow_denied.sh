#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A client whose network no allow entry names gets nothing: no flow is made, the reason is counted.
#
#   stranger 192.168.60.10 ─ router ─ gw ─ vc 10.10.0.10
#   far 192.168.50.10 ───────┘
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start
servers_start vc
gateway_start

equal "dropped before" "$(drops not-allowed)" 0
equal "connection to the service" "$(traffic stranger tcp 172.16.0.1 443 --wait 1.5)" timeout
tcp=$(drops not-allowed)
at_least "SYNs counted under not-allowed" "$tcp" 1
refused "ping through the nat rule" ping_from stranger 10.10.0.10 -c 1 -W 1
at_least "the ping is counted, too" "$(drops not-allowed)" $((tcp + 1))
equal "sessions of the stranger" "$(sessions internal-src-address 192.168.60.10)" 0

equal "an allowed client meanwhile" "$(web far http://172.16.0.1/source)" 10.10.0.2
pgw allow add 192.168.60.0/24 description "now known"
equal "the stranger once it is allowed" "$(web stranger http://172.16.0.1/source)" 10.10.0.2
