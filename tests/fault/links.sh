#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Links under load: a cable is pulled and put back, an interface is deleted and made again, the MTU falls to 1280 and
# comes back. No connection is lost, and nobody helps the gateway.
#
#   far: 1000 idle connections, datagrams, iperf3 ─ router ─ eth1 gw eth2 ─ vc
#
FAULT_REPETITIONS=${FAULT_REPETITIONS:-1}
# shellcheck source=tests/fault/common.sh
. "$(dirname "$0")/common.sh"

portgroup_is() { # portgroup_is NAME STATE
	pgw -j portgroup show | jq -e --arg name "$1" --arg state "$2" \
		'.. | objects | select(.name? == $name and .state? == $state)'
}
mtu_is() { # mtu_is MTU
	pgw -j portgroup show | jq -e --argjson mtu "$1" '.. | objects | select(.name? == "vsphere" and .mtu? == $mtu)'
}

flap() {
	ip -n "$(node switch)" link set gw-eth2 down
	wait_for 10 "vsphere is down" portgroup_is vsphere down
	ip -n "$(node switch)" link set gw-eth2 up
	wait_for 10 "vsphere is up" portgroup_is vsphere up
}

recreated() {
	ip -n "$(node gw)" link del eth2
	wait_for 10 "vsphere is absent" portgroup_is vsphere absent
	plug gw eth2 vsphere
	wait_for 10 "vsphere is up" portgroup_is vsphere up
}

narrow() {
	local end
	ip -n "$(node gw)" link set eth2 mtu 1280
	wait_for 10 "pgw says 1280" mtu_is 1280
	end=$(fault_ask answers $FAULT_ANSWERS)
	equal "datagrams while it is 1280" "$end" "answers $FAULT_ANSWERS" >/dev/null
	ip -n "$(node gw)" link set eth2 mtu 1500
	wait_for 10 "pgw says 1500" mtu_is 1500
}

fault_world off
fault_repeat flap "cable of a portgroup pulled and put back" flap
fault_repeat recreated "interface of a portgroup deleted and made again" recreated
fault_repeat mtu "MTU 1500, 1280, 1500" narrow
fault_load_end
gateway_stop
