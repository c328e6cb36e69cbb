#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Whatever others take away of what the gateway has programmed comes back within a second, and is
# told: in the log, and in "pgw monitor" as text and as JSON. What cannot be mended is followed.
# Somebody who does it again and again is left alone for longer and longer.
#
#   far 192.168.50.10 ─ router 172.16.0.254 ─ eth1 gw eth2 ─ vc 10.10.0.10
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"

event() { # event JQ-CONDITION - has there been such an event?
	jq -e -s "any(.[]; $1)" "$WORK/monitor.out"
}

heard() { # the monitors hear what happens
	pgw allow add 10.99.0.0/24 && pgw allow del 10.99.0.0/24
	event '.event == "revision"' && grep revision "$WORK/text.out"
}

has_address() { # has_address DEVICE ADDRESS
	on gw ip -o -4 addr show dev "$1" | grep "inet $2 "
}

shows() { # shows PATTERN COMMAND… - run in gw
	local pattern=$1
	shift
	on gw "$@" 2>/dev/null | grep -e "$pattern"
}

rules() { # the nft table's text, without what is counted
	on gw nft -s list table ip pgw
}

same_rules() {
	[ "$(rules)" = "$1" ]
}

# mended WHAT COMMAND… - COMMAND, run in gw, does damage; it is mended, and WHAT is told.
mended() {
	local what=$1
	shift
	note "$*"
	on gw "$@"
	wait_for 5 "told: $what" event ".event == \"mended\" and any(.what[]; contains(\"$what\"))"
	wait_for 5 "told as text" grep "^mended .*$what" "$WORK/text.out"
	expect "logged" grep "changed by others and mended: .*$what" "$WORK/pgwd.err"
}

topology_start
servers_start vc
gateway_config >"$WORK/pgw.conf"
cat >>"$WORK/pgw.conf" <<'CONFIG'
route add 192.168.77.0/24 via 172.16.0.254
vmac add 02:00:00:12:34:56 address 172.16.0.20 portgroup vrack type ovh name x
CONFIG
gateway_start "$WORK/pgw.conf"
spawn monitor gw "$PGW_BIN/pgw" -r "$WORK/run" -j monitor
spawn text gw "$PGW_BIN/pgw" -r "$WORK/run" monitor
wait_for 5 "the monitors listen" heard
hold_start session far 172.16.0.1 7
link=$(on gw ip -o link show type macvlan | sed 's/^[0-9]*: \([^@]*\)@.*/\1/')
table=$(rules)
equal "mended before anybody did anything" "$(grep -c mended "$WORK/monitor.out" || true)" 0

mended "address 172.16.0.1/24 added to eth1" ip addr del 172.16.0.1/24 dev eth1
expect "it is there" has_address eth1 172.16.0.1/24
mended "address 172.16.0.11/32 added to eth1" ip addr del 172.16.0.11/32 dev eth1
mended "route 192.168.77.0/24 via 172.16.0.254 added" ip route del 192.168.77.0/24
expect "it is there" shows "via 172.16.0.254" ip route show 192.168.77.0/24
mended "route 192.168.77.0/24 via 172.16.0.254 set" ip route replace 192.168.77.0/24 via 172.16.0.50
expect "it is there" shows "via 172.16.0.254" ip route show 192.168.77.0/24
on gw ip route replace blackhole 192.168.77.0/24
pgw allow add 10.99.0.0/24 # a change that does not concern it, before anybody looks at it
wait_for 5 "another kind of route gives way, too" shows "via 172.16.0.254" ip route show 192.168.77.0/24
mended "route 172.16.0.0/24 dev eth1 added" ip route flush table main
expect "it is the kernel's, and goes with the address" shows "dev eth1 proto kernel .*src 172.16.0.1" \
	ip route show 172.16.0.0/24
expect "and so are those through it" shows "via 172.16.0.254" ip route show 192.168.77.0/24
mended "nft table pgw loaded" nft flush ruleset
wait_for 2 "as it was" same_rules "$table"
on gw nft flush table ip pgw
wait_for 5 "a table that was emptied is filled again" same_rules "$table"
on gw nft insert rule ip pgw prerouting accept
wait_for 5 "a rule that was added is taken away" same_rules "$table"
on gw nft replace rule ip pgw prerouting handle \
	"$(on gw nft -a list chain ip pgw prerouting | sed -n 's/.*@services .*# handle //p')" accept
wait_for 5 "a rule that was replaced in its place is as it was" same_rules "$table"
on gw nft add table ip pgw '{ flags dormant; }'
wait_for 5 "a table that was put to sleep is awake" same_rules "$table"
mended "net/ipv4/conf/eth1/forwarding set to" sysctl -qw net.ipv4.conf.eth1.forwarding=1
expect "it is off" shows 0 sysctl -n net.ipv4.conf.eth1.forwarding
mended "net/ipv4/conf/eth1/arp_ignore set to" sysctl -qw net.ipv4.conf.eth1.arp_ignore=8
expect "it is 1" shows 1 sysctl -n net.ipv4.conf.eth1.arp_ignore
mended "link $link of virtual MAC 02:00:00:12:34:56 made" ip link del "$link"
wait_for 5 "with its address" shows "inet 172.16.0.20/" ip -o -4 addr
mended "interface eth2 set up" ip link set eth2 down
wait_for 5 "it is up" event '.event == "link" and .portgroup == "vsphere" and .state == "up"'
on gw ip link add br0 type bridge
on gw ip link set br0 up
mended "interface eth2 taken out of br0" ip link set eth2 master br0
expect "it is the gateway's again" eval '! on gw ip -o link show eth2 | grep -q "master br0"'
if [ "$(pgw -j portgroup show vrack | jq -r '.[0]["offload-state"]')" = tc ]; then
	mended "tc program attached to eth1" tc qdisc del dev eth1 clsact
	expect "it is there" shows pgw_forward tc filter show dev eth1 ingress
fi
hold_goes_on session

note "what is followed: MTU and a next hop's MAC"
ip -n "$(node gw)" link set eth2 mtu 1280
wait_for 5 "the MTU is told" event \
	'.event == "link" and .portgroup == "vsphere" and .mtu == 1280 and ."former-mtu" == 1500'
ip -n "$(node gw)" link set eth2 mtu 1500
expect "a request, so that vc is known" web far http://172.16.0.1/source
former=$(on vc cat /sys/class/net/eth0/address)
ip -n "$(node vc)" link set eth0 address 02:00:00:00:77:01
on vc arping -q -U -c 2 -I eth0 10.10.0.10 # it says so, as a machine that was moved would
wait_for 5 "the next hop's MAC is told" event ".event == \"neighbour\" and .address == \"10.10.0.10\" and \
	.portgroup == \"vsphere\" and .mac == \"02:00:00:00:77:01\" and .\"former-mac\" == \"$former\""
hold_goes_on session
equal "new requests" "$(web far http://172.16.0.1/source)" 10.10.0.2

note "an absent interface keeps nothing else from being mended"
ip -n "$(node gw)" link del eth2
wait_for 5 "eth2 is absent" event '.event == "link" and .portgroup == "vsphere" and .state == "absent"'
mended "address 172.16.0.20/32 added to" ip addr del 172.16.0.20/32 dev "$link"
plug gw eth2 vsphere
wait_for 5 "its address is there again" has_address eth2 10.10.0.2/24
wait_for 5 "told" event '.event == "mended" and any(.what[]; . == "address 10.10.0.2/24 added to eth2")'
hold_goes_on session
equal "new requests" "$(web far http://172.16.0.1/source)" 10.10.0.2

note "somebody who does not stop"
fight() {
	on gw ip addr del 172.16.0.11/32 dev eth1 2>/dev/null || true
	event '.event == "conflict" and .what == "address 172.16.0.11/32 added to eth1" and .wait >= 2'
}
wait_for 20 "a conflict is told, then the wait doubles" fight
count=$(grep -c "mended: address 172.16.0.11/32" "$WORK/pgwd.err")
[ "$count" -le 8 ] || fail "mended $count times: that is a fight"
on gw ip addr del 172.16.0.11/32 dev eth1 2>/dev/null || true
on gw ip route del 192.168.77.0/24
wait_for 5 "other things are mended meanwhile" shows "via 172.16.0.254" ip route show 192.168.77.0/24
wait_for 30 "once the other stops, it comes back" has_address eth1 172.16.0.11/32
join() {
	on gw ip link set eth2 master br0
	event '.event == "conflict" and .what == "interface eth2 taken out of br0" and .wait >= 2'
}
wait_for 20 "somebody who does not stop putting an interface into a bridge" join
join_and_ask() {
	on gw ip link set eth2 master br0
	pgw doctor >"$WORK/doctor" 2>&1 || true
	grep "vsphere: interface eth2 is a port of br0" "$WORK/doctor"
}
wait_for 20 "the doctor names the bridge" join_and_ask
wait_for 30 "once the other stops, it is taken out" eval '! on gw ip -o link show eth2 | grep -q "master br0"'
hold_goes_on session
hold_end session
gateway_stop
