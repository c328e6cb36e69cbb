#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Last hop: answers return to the neighbour that a flow came from, without any route. Switched
# off, a route is needed.
#
#   far 192.168.50.10 ─ router 172.16.0.254 ─ gw, no route to 192.168.0.0/16 ─ vc 10.10.0.10
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start
servers_start vc
gateway_start

refused "the gateway's kernel has no route to the client" on gw ip route get 192.168.50.10
equal "source that the server saw" "$(web far http://172.16.0.1/source)" 10.10.0.2

gateway_config | sed '/portgroup add vrack/s/$/ last-hop off/' >"$WORK/off.conf"
gateway_reload "$WORK/off.conf"
equal "connection without last hop and without route" \
	"$(traffic far tcp 172.16.0.1 80 --wait 1.5)" timeout
at_least "counted under no-route" "$(drops no-route)" 1
equal "the client of the same subnet meanwhile" "$(web near http://172.16.0.1/source)" 10.10.0.2

{
	cat "$WORK/off.conf"
	echo "route add 192.168.0.0/16 via 172.16.0.254"
} >"$WORK/route.conf"
gateway_reload "$WORK/route.conf"
contains "pgwd has programmed the route" "$(on gw ip route)" "192.168.0.0/16 via 172.16.0.254"
equal "source that the server saw, with a route" "$(web far http://172.16.0.1/source)" 10.10.0.2
