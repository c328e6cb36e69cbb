#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Flows are forwarded by the tc program, connections until they are half closed: figures prove the
# way taken, what ends a session ends it there too, changes of mode keep sessions, and filters of
# others stay.
#
#   far 192.168.50.10 ─ router ─ eth1 [tc] gw [tc] eth2 ─ vc 10.10.0.10
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start
servers_start vc

with_offload() { # with_offload MODE - the usual configuration, portgroups in this mode
	gateway_config | sed "/^portgroup add/s/\$/ offload $1/"
}

offloaded() { # offloaded PORTGROUP - packets that arrived there and were forwarded by the program
	portgroup_figure "$1" offload-packets
}

mode() { # mode PORTGROUP - in force
	pgw -j portgroup show | jq -r --arg name "$1" '.[] | select(.name == $name)["offload-state"]'
}

datapath_of() { # datapath_of PORT - where the session to this service port runs
	pgw -j session show internal-dst-port "$1" protocol tcp | jq -r '.[0].datapath'
}

ours() { # ours DEVICE - filters of ours there
	on gw tc filter show dev "$1" ingress | grep -c 'pgw_forward' || true
}

# Somebody's own filter, on a clsact of somebody's own.
on gw tc qdisc add dev eth2 clsact
for hook in ingress egress; do
	on gw tc filter add dev eth2 $hook pref 10 protocol ip u32 match ip dst 203.0.113.9/32 flowid 1:1
done

with_offload tc >"$WORK/tc.conf"
with_offload off >"$WORK/off.conf"
gateway_start "$WORK/tc.conf"
equal "mode of vrack" "$(mode vrack)" tc
equal "filters at eth1" "$(ours eth1)" 1

note "bulk"
intact far https://172.16.0.1 100000000
at_least "offloaded from vsphere" "$(offloaded vsphere)" 60000
at_least "received includes them" "$(portgroup_figure vsphere rcvd-packets)" "$(offloaded vsphere)"

note "a session"
hold_start session far 172.16.0.1 7
before=$(offloaded vrack)
equal "where it runs" "$(datapath_of 7)" tc
hold_goes_on session
at_least "packets of it that the program has forwarded" $(($(offloaded vrack) - before)) 5

note "short connections: the program follows all but SYN, SYN-ACK and the second FIN"
before=$(offloaded vrack)
equal "short connections" "$(traffic far brief 172.16.0.1 7 20)" "20 sessions"
at_least "packets of the client that the program has forwarded" $(($(offloaded vrack) - before)) 80
wait_for 5 "they are closed" eval '[ "$(sessions state closed internal-dst-port 7)" = 20 ]'

note "a half-closed connection is the program's, too"
traffic_spawn half far half 172.16.0.1 80 20000000
wait_for 5 "the client has closed its half" said half "half closed"
wait_for 5 "the gateway has seen that" eval \
	'[ "$(sessions state fin-initiator internal-dst-port 80)" = 1 ]'
equal "where it runs" "$(datapath_of 80)" tc
before=$(offloaded vsphere)
kill -USR1 "${PID[half]}"
wait_for 20 "all has come" said half "20000000 bytes"
at_least "packets of it that the program has forwarded" $(($(offloaded vsphere) - before)) 10000
finish half
wait_for 5 "it is closed" eval '[ "$(sessions state closed internal-dst-port 80)" = 1 ]'

note "another mode, and back: sessions go on"
gateway_reload "$WORK/off.conf"
equal "mode of vrack" "$(mode vrack)" off
equal "filters at eth1" "$(ours eth1)" 0
equal "clsact that we made" "$(on gw tc qdisc show dev eth1 clsact)" ""
equal "where it runs" "$(datapath_of 7)" raw
hold_goes_on session
gateway_reload "$WORK/tc.conf"
equal "where it runs" "$(datapath_of 7)" tc
hold_goes_on session

note "somebody takes it away"
on gw tc qdisc del dev eth1 clsact
wait_for 5 "the filter is back" eval '[ "$(ours eth1)" = 1 ]'
hold_goes_on session

note "the link's MTU changes: large datagrams must be cut by user space from then on"
ip -n "$(node gw)" link set eth2 mtu 1400
wait_for 5 "pgwd knows" eval \
	'pgw -j portgroup show | jq -e ".[] | select(.name == \"vsphere\" and .mtu == 1400)"'
hold_goes_on session
ip -n "$(node gw)" link set eth2 mtu 1500

note "what admitted the session goes, and with it the session"
with_offload tc | grep -v 'service add echo ' >"$WORK/without.conf"
gateway_reload "$WORK/without.conf"
wait_for 5 "the session is ended" eval '[ "$(sessions internal-dst-port 7 protocol tcp)" = 0 ]'
before=$(offloaded vrack)
pause
pause
equal "packets that still pass" "$(offloaded vrack)" "$before"
stop session KILL

gateway_stop
equal "filters left at eth1" "$(on gw tc filter show dev eth1 ingress)" ""
equal "qdisc left at eth1" "$(on gw tc qdisc show dev eth1 clsact)" ""
at_least "the other's filter at ingress" "$(on gw tc filter show dev eth2 ingress | grep -c "^ *match ")" 1
at_least "the other's filter at egress" "$(on gw tc filter show dev eth2 egress | grep -c "^ *match ")" 1
equal "filters of ours at eth2" "$(ours eth2)" 0
