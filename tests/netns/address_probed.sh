#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# With "duplicate-detection probe" a gateway starts at once, and gets its addresses, and the routes
# that need them, once nobody has been found to have them. One that others then take away is back at once.
#
#   far 192.168.50.10 ─ router 172.16.0.254 ─ eth1 gw eth2 ─ vc 10.10.0.10
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"

address_is() { # address_is ADDRESS MEMBER VALUE
	[ "$(pgw -j address show | jq -r --arg a "$1/" ".[] | select(.address | startswith(\$a)) | .[\"$2\"]")" = "$3" ]
}

routed() {
	on gw ip route show 192.168.77.0/24 | grep 'via 172.16.0.254' >/dev/null
}

topology_start
servers_start vc
gateway_config >"$WORK/pgw.conf"
cat >>"$WORK/pgw.conf" <<'CONFIG'
set duplicate-detection probe
route add 192.168.77.0/24 via 172.16.0.254
vmac add 02:00:00:12:34:56 address 172.16.0.20 portgroup vrack type ovh name x
CONFIG
gateway_start "$WORK/pgw.conf"
equal "addresses in use at the start" "$(on gw ip -o -4 addr show scope global | wc -l)" 0
expect "they are being probed for" address_is 172.16.0.1 state probing
for address in 172.16.0.1 172.16.0.11 172.16.0.20 10.10.0.2; do
	wait_for 15 "$address is used" address_is $address state present
done
wait_for 5 "and so is the route" routed
wait_for 5 "requests are served" web far http://172.16.0.1/source
equal "what others are said to have changed" "$(grep -c 'mended' "$WORK/pgwd.err" || true)" 0
ip -n "$(node gw)" addr del 172.16.0.1/24 dev eth1
wait_for 3 "one that was taken away is back" eval 'on gw ip -o -4 addr | grep "172.16.0.1/" >/dev/null'
gateway_stop
