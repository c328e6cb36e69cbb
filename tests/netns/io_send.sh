#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# With io packet, small packets are sent by AF_XDP and super-packets by the packet socket: in order, with
# the neighbours' offloads as they were. Where AF_XDP is not to be had all go by the packet socket.
#
#   far 192.168.50.10 ─ router ─┬─ eth1 gw eth2 ─ vc 10.10.0.10
#   near 172.16.0.50 ───────────┘
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
PGW_TEST_IO='' PGW_TEST_OFFLOAD='' # this test says them itself
PGW_TEST_WORKERS='' # the others send by their packet sockets alone
topology_start
servers_start vc
for device in eth1 eth2; do # what AF_XDP sends does not pass here
	on gw nft -f - <<-RULES
		table netdev $device {
			chain sent {
				type filter hook egress device $device priority 0
				ip protocol { tcp, udp } counter
			}
		}
	RULES
done

io_becomes() { # io_becomes PORTGROUP MODE
	wait_for 20 "$1 by $2" eval "[ \"\$(pgw -j portgroup show $1 | jq -r '.[0][\"io-state\"]')\" = $2 ]"
}

by_packet_socket() { # by_packet_socket DEVICE - packets of TCP and UDP that it has sent
	on gw nft -j list chain netdev "$1" sent | jq '.nftables[].rule? // empty | .expr[].counter? // empty | .packets'
}

offloads() {
	for device in gw-eth1 gw-eth2; do
		on switch ethtool -k $device | grep -E '^(tcp-segmentation|tx-checksumming|generic-receive|tx-udp-seg)'
	done
}

small_packets() { # none of them goes by the packet socket
	local before
	before=$(($(by_packet_socket eth1) + $(by_packet_socket eth2)))
	expect "forty small packets, and their answers" traffic near hold 172.16.0.1 7 --pieces 40
	equal "by the packet socket" $(($(by_packet_socket eth1) + $(by_packet_socket eth2) - before)) 0
}

before=$(offloads)
gateway_config | sed '/^portgroup add/s/$/ offload off/' >"$WORK/pgw.conf"
gateway_start "$WORK/pgw.conf"
hold_start session far 172.16.0.1 7
io_becomes vrack packet-xdp
io_becomes vsphere packet-xdp
equal "offloads of the neighbours" "$(offloads)" "$before"
small_packets

note "small and large ones, mixed: in order"
equal "datagrams" "$(traffic near udp-order 172.16.0.1 7 200)" "in order"
at_least "super-packets by the packet socket" "$(by_packet_socket eth2)" 600
intact far https://172.16.0.1 5000000
expect "UDP of 1400 bytes" traffic near udp 172.16.0.1 7 x --bytes 1400
expect "UDP in fragments" traffic far udp 172.16.0.1 7 x --bytes 8000
expect "ping through the nat rule" ping_from far 10.10.0.10

note "a datapath that is killed gets a new socket; a pgwd that is killed leaves it to the next one"
kill -KILL "$(datapath_pid)"
hold_goes_on session
io_becomes vrack packet-xdp
io_becomes vsphere packet-xdp
small_packets
pid=$(datapath_pid)
kill -KILL "${PID[pgwd]}"
finish pgwd 2>/dev/null || true
small_packets
gateway_start "$WORK/pgw.conf"
equal "datapath" "$(datapath_pid)" "$pid"
equal "io-state at once" "$(pgw -j portgroup show vrack | jq -r '.[0]["io-state"]')" packet-xdp
small_packets
hold_goes_on session

note "an interface that is made anew"
ip -n "$(node gw)" link del eth2
wait_for 10 "vsphere is absent" eval 'pgw -j portgroup show vsphere | jq -e ".[0].state == \"absent\""'
plug gw eth2 vsphere
io_becomes vsphere packet-xdp
hold_goes_on session

note "a queueing discipline is not gone past"
on gw tc qdisc add dev eth1 root pfifo
io_becomes vrack packet
hold_goes_on session
on gw tc qdisc del dev eth1 root
io_becomes vrack packet-xdp
hold_goes_on session
hold_end session
gateway_stop

note "where no memory may be locked: said once, and all go by the packet socket"
gateway_launch prlimit --memlock=65536 setpriv --bounding-set -ipc_lock --inh-caps -ipc_lock
wait_for 15 "it is ready" gateway_said_ready
for portgroup in vrack vsphere; do
	equal "io-state" "$(pgw -j portgroup show $portgroup | jq -r '.[0]["io-state"]')" packet
done
equal "request" "$(web far http://172.16.0.1/source)" 10.10.0.2
equal "datagrams" "$(traffic near udp-order 172.16.0.1 7 20)" "in order"
kill -HUP "${PID[pgwd]}"
equal "request" "$(web far http://172.16.0.1/source)" 10.10.0.2
equal "times that it was said" "$(grep -c 'no AF_XDP, small packets are sent by the packet socket' "$WORK/pgwd.err")" 2
contains "what helps" "$(grep 'portgroup vrack: no AF_XDP' "$WORK/pgwd.err")" LimitMEMLOCK
contains "doctor" "$(pgw doctor || true)" "small packets are not sent by AF_XDP"
gateway_stop
