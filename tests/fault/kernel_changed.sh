#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Somebody changes the kernel under a running gateway: an address is taken away, a link goes down
# and up, an interface vanishes and comes back. Each is mended unaided, and sessions go on.
#
#   far 192.168.50.10 ─ router ─ eth1 gw eth2 ─ vc 10.10.0.10
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start
servers_start vc
gateway_start
hold_start session far 172.16.0.1 7

has_address() { # has_address DEVICE ADDRESS
	on gw ip -o -4 addr show dev "$1" | grep -q "inet $2 "
}

portgroup_is() { # portgroup_is NAME STATE
	pgw -j portgroup show | jq -e --arg name "$1" --arg state "$2" \
		'.. | objects | select(.name? == $name and .state? == $state)'
}

note "an address is taken away"
ip -n "$(node gw)" addr del 172.16.0.1/24 dev eth1
wait_for 10 "172.16.0.1 is back" has_address eth1 172.16.0.1/24
hold_goes_on session

note "a link goes down and up" # at the other end: pgwd would mend its own, maybe before anyone has looked
ip -n "$(node switch)" link set gw-eth2 down
wait_for 5 "portgroup vsphere is down" portgroup_is vsphere down
ip -n "$(node switch)" link set gw-eth2 up
wait_for 10 "portgroup vsphere is up" portgroup_is vsphere up
wait_for 10 "10.10.0.2 is there" has_address eth2 10.10.0.2/24
hold_goes_on session

note "an interface vanishes and comes back"
ip -n "$(node gw)" link del eth2
wait_for 5 "portgroup vsphere is absent" portgroup_is vsphere absent
pgw service add ssh address 172.16.0.12 protocol tcp port 22 backend 10.10.0.21:22
expect "a change that does not concern it is made" has_address eth1 172.16.0.12/32
pgw pool add other external-ip-address 10.10.0.9 ports 16384-65535
refused "one that needs an interface that never was is not" \
	pgw portgroup add third dev eth9 realm private
stop pgwd KILL
gateway_launch
wait_for 15 "pgwd comes back without it" gateway_said_ready
expect "with what was changed" has_address eth1 172.16.0.12/32
plug gw eth2 vsphere
wait_for 10 "portgroup vsphere is up" portgroup_is vsphere up
wait_for 10 "10.10.0.2 is there" has_address eth2 10.10.0.2/24
wait_for 10 "and so is what was changed meanwhile" has_address eth2 10.10.0.9/32
hold_goes_on session
hold_end session
equal "new requests" "$(web far http://172.16.0.1/source)" 10.10.0.2
gateway_stop
