#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The vSphere side's MTU becomes 1280 while traffic runs: clients that set DF are told so by the
# gateway, and TCP goes on.
#
#   far 192.168.50.10 ─ router ─ gw ══ MTU 1280 ══ vc 10.10.0.10
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start
servers_start vc
gateway_start
expect "1400 bytes with DF at MTU 1500" ping_from far 10.10.0.10 -M "do" -s 1400
hold_start session far 172.16.0.1 7
head -c 4000000 /dev/urandom >"$WORK/upload"
sum=$(sha256sum <"$WORK/upload")
ip -n "$(node gw)" link set eth2 mtu 1280
wait_for 5 "the gateway knows the MTU" eval \
	'pgw -j portgroup show | jq -e ".. | objects | select(.name? == \"vsphere\" and .mtu == 1280)"'

output=$(ping_from far 10.10.0.10 -M "do" -s 1400 -c 1 || true)
contains "the gateway tells the sender" "$output" "From 172.16.0.1"
contains "fragmentation needed, with the MTU" "$output" "mtu = 1280"
contains "tracepath finds it" "$(on near tracepath -n -m 6 10.10.0.10)" "pmtu 1280"
at_least "packets counted under too-big-df" "$(drops too-big-df)" 2

# TCP learns it from full-sized (super-)packets; its own cache is cleared first.
on far ip route flush cache
equal "upload through the narrow link" \
	"$(web far http://172.16.0.1/sink -H Expect: --data-binary "@$WORK/upload")" \
	"4000000 ${sum%% *}"
contains "the client's MTU to the service" "$(on far ip route get 172.16.0.1)" "mtu 1280"
hold_goes_on session
hold_end session
