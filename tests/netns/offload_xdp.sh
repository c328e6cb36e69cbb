#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Established flows are forwarded by the XDP program, as long as their packets are whole and the way
# out takes frames from XDP; else by the tc program behind it, and nothing is lost either way.
#
#   far 192.168.50.10 ─ router ─ eth1 [xdp, tc] gw [xdp, tc] eth2 ─ vc 10.10.0.10
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
PGW_TEST_OFFLOAD='' # this test makes the cables fit for XDP step by step,
PGW_TEST_IO=''	    # and counts what XDP redirects
topology_start
servers_start vc

with_offload() { # with_offload MODE - the usual configuration, portgroups in this mode
	gateway_config | sed "/^portgroup add/s/\$/ offload $1/"
}

mode() { # mode PORTGROUP - in force
	pgw -j portgroup show | jq -r --arg name "$1" '.[] | select(.name == $name)["offload-state"]'
}

datapath_of() { # datapath_of PORT - where the session to this service port runs
	pgw -j session show internal-dst-port "$1" protocol tcp | jq -r '.[0].datapath'
}

offloaded() { # offloaded PORTGROUP - packets that arrived there and were forwarded in the kernel
	portgroup_figure "$1" offload-packets
}

redirected() { # redirected DEVICE - packets that XDP has sent on, by the device's own count
	on gw ethtool -S "$1" | awk '/xdp_redirect:/ { n += $2 } END { print n + 0 }'
}

with_offload xdp >"$WORK/xdp.conf"
with_offload tc >"$WORK/tc.conf"
gateway_start "$WORK/xdp.conf"
equal "mode of vrack" "$(mode vrack)" xdp
equal "mode of vsphere" "$(mode vsphere)" xdp

note "the far ends of the cables do not take frames from XDP: tc forwards, nothing is lost"
hold_start session far 172.16.0.1 7
before=$(redirected eth1) count=$(offloaded vrack)
hold_goes_on session
equal "packets that XDP has sent on" "$(redirected eth1)" "$before"
at_least "packets of it that were offloaded" $(($(offloaded vrack) - count)) 5

note "now they take them, but the checksums of the clients' segments are not filled in"
for cable in gw-eth1 gw-eth2; do
	on switch ethtool -K $cable gro on >/dev/null
done
gateway_reload "$WORK/tc.conf"
equal "mode of vrack" "$(mode vrack)" tc
equal "programs at the XDP hook" "$(on gw ip link show dev eth1 | grep -c prog/xdp || true)" 0
hold_goes_on session
gateway_reload "$WORK/xdp.conf"
equal "where it runs" "$(datapath_of 7)" xdp
intact far https://172.16.0.1 20000000

note "whole packets are forwarded by XDP"
for node in far vc; do
	on $node ethtool -K eth0 tx off >/dev/null
done
before=$(redirected eth1) count=$(offloaded vrack)
hold_goes_on session
at_least "packets that XDP has sent on" $(($(redirected eth1) - before)) 5
at_least "packets that were offloaded" $(($(offloaded vrack) - count)) 5
intact far https://172.16.0.1 20000000
at_least "packets from vsphere that XDP has sent on" "$(redirected eth2)" 10000
equal "checksum errors at the client" "$(on far nstat -asz TcpInCsumErrors | awk '/InCsum/ { print $2 }')" 0

note "the session goes on while both processes are away"
datapath=$(datapath_pid)
kill -KILL "${PID[pgwd]}" "$datapath"
before=$(redirected eth1)
hold_goes_on session
at_least "packets that XDP has sent on" $(($(redirected eth1) - before)) 5
finish pgwd 2>/dev/null || true
gateway_start "$WORK/xdp.conf"
equal "where it runs" "$(datapath_of 7)" xdp
hold_goes_on session

note "what admitted the session goes, and with it the session"
with_offload xdp | grep -v 'service add echo ' >"$WORK/without.conf"
gateway_reload "$WORK/without.conf"
wait_for 5 "the session is ended" eval '[ "$(sessions internal-dst-port 7 protocol tcp)" = 0 ]'
stop session KILL

gateway_stop
equal "programs left at the XDP hook of eth1" "$(on gw ip link show dev eth1 | grep -c prog/xdp || true)" 0
equal "programs left at the XDP hook of eth2" "$(on gw ip link show dev eth2 | grep -c prog/xdp || true)" 0
equal "filters left at eth1" "$(on gw tc filter show dev eth1 ingress)" ""
