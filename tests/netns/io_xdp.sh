#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Packets come and go by AF_XDP; what does not suit it (ICMP, fragments, the kernel's own) by the
# packet socket; changes and restarts lose no session.
#
#   far 192.168.50.10 ─ router ─┬─ eth1 [AF_XDP] gw [AF_XDP] eth2 ─ vc 10.10.0.10
#   near 172.16.0.50 ───────────┘
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
PGW_TEST_IO='' PGW_TEST_OFFLOAD='' # this test says them itself
topology_start
servers_start vc

with_io() { # with_io VRACK VSPHERE - the usual configuration with these
	gateway_config | sed "/^portgroup add vrack/s/\$/ io $1/
		/^portgroup add vsphere/s/\$/ io $2/"
}

io_of() { # io_of PORTGROUP - by what its packets come
	pgw -j portgroup show "$1" | jq -r '.[0]["io-state"]'
}

in_force() { # in_force IO - what becomes of it here: io packet sends by AF_XDP
	[ "$1" = xdp ] && echo xdp || echo packet-xdp
}

# io_becomes PORTGROUP MODE - a new AF_XDP socket waits until the kernel has forgotten the former one
io_becomes() {
	wait_for 15 "$1 by $2" eval "[ \"\$(io_of $1)\" = $2 ]"
}

redirected() { # redirected DEVICE - frames that XDP has taken off it, by the device's own count
	on gw ethtool -S "$1" | awk '/xdp_redirect:/ { n += $2 } END { print n + 0 }'
}

xdp_programs() { # xdp_programs DEVICE
	on gw ip link show dev "$1" | grep -c prog/xdp || true
}

# all_kinds - traffic of each kind passes; which_way's counts tell how
all_kinds() {
	equal "request" "$(web far http://172.16.0.1/source)" 10.10.0.2
	intact far https://172.16.0.1 5000000
	expect "UDP there and back" traffic near udp 172.16.0.1 7 x --bytes 1400
	expect "UDP in fragments" traffic far udp 172.16.0.1 7 x --bytes 8000
	expect "UDP in fragments through the nat rule" traffic near udp 10.10.0.10 7 x --bytes 8000
	expect "ping through the nat rule" ping_from far 10.10.0.10
	expect "ping of 4000 bytes" ping_from near 10.10.0.10 -s 4000
	expect "ping to the gateway itself" ping_from near 172.16.0.1
	equal "a port that nobody owns is the kernel's" "$(traffic near tcp 172.16.0.1 81)" refused
	equal "pool port without a mapping" "$(traffic vc tcp 10.10.0.2 20000 --wait 1)" timeout
}

for both in "xdp xdp" "xdp packet" "packet xdp"; do
	read -r vrack vsphere <<<"$both"
	note "vrack by $vrack, vsphere by $vsphere"
	with_io "$vrack" "$vsphere" >"$WORK/$vrack-$vsphere.conf"
	if [ -z "${PID[pgwd]:-}" ]; then
		gateway_start "$WORK/$vrack-$vsphere.conf"
		hold_start session far 172.16.0.1 7
	else
		gateway_reload "$WORK/$vrack-$vsphere.conf"
	fi
	io_becomes vrack "$(in_force "$vrack")"
	io_becomes vsphere "$(in_force "$vsphere")"
	equal "programs at eth1" "$(xdp_programs eth1)" "$([ "$vrack" = xdp ] && echo 1 || echo 0)"
	eth1=$(redirected eth1) eth2=$(redirected eth2)
	all_kinds
	hold_goes_on session
	[ "$vrack" = packet ] || at_least "frames from vrack by AF_XDP" $(($(redirected eth1) - eth1)) 20
	[ "$vsphere" = packet ] || at_least "frames from vsphere by AF_XDP" $(($(redirected eth2) - eth2)) 1000
done

note "a datapath that is killed gets a new socket; the session goes on"
gateway_reload "$WORK/xdp-xdp.conf"
hold_goes_on session
kill -KILL "$(datapath_pid)"
io_becomes vrack xdp
io_becomes vsphere xdp
hold_goes_on session

note "so it does when pgwd is killed, and the next one takes over"
kill -KILL "${PID[pgwd]}"
finish pgwd 2>/dev/null || true
hold_goes_on session
gateway_start "$WORK/xdp-xdp.conf"
io_becomes vrack xdp
io_becomes vsphere xdp
before=$(redirected eth1)
hold_goes_on session
at_least "frames from vrack by AF_XDP" $(($(redirected eth1) - before)) 5

note "somebody takes the program away: it is put back"
on gw ip link set eth1 xdp off
hold_goes_on session
wait_for 10 "the program is back" eval '[ "$(xdp_programs eth1)" = 1 ]'

note "an address that is added by hand is the kernel's"
on gw ip address add 172.16.0.77/32 dev eth1
wait_for 10 "it answers there" eval '[ "$(traffic near tcp 172.16.0.77 81 --wait 1)" = refused ]'

note "where the MTU is too large, packets come by the packet socket, and that is said once"
on gw ip link set eth1 mtu 9000
io_becomes vrack packet
hold_goes_on session
on gw ip link set eth2 xdp off # so that it is tried again
wait_for 10 "the program of vsphere is back" eval '[ "$(xdp_programs eth2)" = 1 ]'
equal "times that it was said" "$(grep -c 'portgroup vrack: no AF_XDP' "$WORK/pgwd.err")" 1
contains "doctor" "$(pgw doctor || true)" "io xdp is configured, but packets come by the packet socket"
on gw ip link set eth1 mtu 1500
io_becomes vrack xdp
hold_goes_on session

note "where XDP forwards flows, too, one program does both; on a veth, offload auto does not"
sed 's/ io xdp$/ offload xdp io xdp/' "$WORK/xdp-xdp.conf" >"$WORK/offload.conf"
for mode in offload xdp-xdp; do
	gateway_reload "$WORK/$mode.conf"
	io_becomes vrack xdp
	equal "flows" "$(pgw -j portgroup show vrack | jq -r '.[0]["offload-state"]')" \
		"$([ $mode = offload ] && echo xdp || echo off)"
	equal "programs at eth1" "$(xdp_programs eth1)" 1
	equal "request" "$(web far http://172.16.0.1/source)" 10.10.0.2
	before=$(redirected eth1)
	expect "UDP there and back" traffic near udp 172.16.0.1 7 x --bytes 1400
	at_least "frames from vrack by XDP" $(($(redirected eth1) - before)) 1
	hold_goes_on session
done
hold_end session

gateway_stop
equal "programs left at eth1" "$(xdp_programs eth1)" 0
equal "programs left at eth2" "$(xdp_programs eth2)" 0
