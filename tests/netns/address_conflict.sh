#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Address conflict detection (RFC 5227): addresses are announced and probed for when they come; a
# host that has one too is noticed, told and answered; with "duplicate-detection probe" the gateway
# waits until it has gone, and then takes the address over.
#
#   near 172.16.0.50, now and then 172.16.0.11 or .12 ── vRack ── gw 172.16.0.1 .11 (.12)
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"

arps() { # arps FILTER - frames on the vRack
	tcpdump -enr "$WORK/wire.pcap" "arp and ($1)" 2>/dev/null | wc -l
}

arps_at_least() { # arps_at_least COUNT FILTER
	[ "$(arps "$2")" -ge "$1" ]
}

announcements() { # announcements ADDRESS MAC - a filter
	echo "arp[6:2] = 1 and arp src host $1 and arp dst host $1 and ether src $2"
}

probes() { # probes ADDRESS MAC - a filter
	echo "arp[6:2] = 1 and arp[14:4] = 0 and arp dst host $1 and ether src $2"
}

address_is() { # address_is ADDRESS MEMBER VALUE
	[ "$(pgw -j address show | jq -r --arg a "$1/" ".[] | select(.address | startswith(\$a)) | .[\"$2\"]")" = "$3" ]
}

event() { # event JQ-CONDITION - has there been such an event?
	jq -e -s "any(.[]; $1)" "$WORK/monitor.out"
}

has() { # has NODE ADDRESS
	on "$1" ip -o -4 addr | grep "inet $2/" >/dev/null
}

heard() { # the monitor hears what happens
	pgw allow add 10.99.0.0/24 && pgw allow del 10.99.0.0/24
	event '.event == "revision"'
}

topology_start
servers_start
spawn wire switch tcpdump -Ue -n -i vrack --immediate-mode -w "$WORK/wire.pcap" arp
wait_for 10 "the capture begins" grep -q listening "$WORK/wire.err"
on near ip addr add 172.16.0.11/24 dev eth0
gateway_start
mac=$(on gw cat /sys/class/net/eth1/address)
rogue=$(on near cat /sys/class/net/eth0/address)
spawn monitor gw "$PGW_BIN/pgw" -r "$WORK/run" -j monitor address revision

note "a host that has an address of ours already"
wait_for 10 "it is noticed" address_is 172.16.0.11 state conflict
wait_for 5 "and named" address_is 172.16.0.11 conflict-mac "$rogue"
expect "the log says so" grep -q "172.16.0.11 of portgroup vrack is in use by $rogue" "$WORK/pgwd.err"
equal "the service's address is used all the same" "$(has gw 172.16.0.11 && echo yes)" yes

note "announced and probed for"
wait_for 10 "2 announcements of 172.16.0.1" arps_at_least 2 "$(announcements 172.16.0.1 "$mac")"
wait_for 10 "3 probes for it" arps_at_least 3 "$(probes 172.16.0.1 "$mac")"
wait_for 10 "nobody else has it" address_is 172.16.0.1 detection unique
equal "announcements of it" "$(arps "$(announcements 172.16.0.1 "$mac")")" 2
equal "probes for it" "$(arps "$(probes 172.16.0.1 "$mac")")" 3

note "the other gives the address up"
wait_for 5 "the monitor listens" heard
on near ip addr del 172.16.0.11/24 dev eth0
wait_for 30 "no conflict any more" address_is 172.16.0.11 state present
wait_for 5 "it is told" event \
	".event == \"address\" and .address == \"172.16.0.11\" and .state == \"unique\" and .mac == \"$rogue\""

note "a claim is answered by one announcement"
before=$(arps "$(announcements 172.16.0.1 "$mac")")
on near /usr/bin/python3 -c "
import socket, sys
mac, addr = bytes.fromhex(sys.argv[1].replace(':', '')), socket.inet_aton(sys.argv[2])
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
wire.bind(('eth0', 0))
for _ in range(3):
    wire.send(bytes.fromhex('ff' * 6) + mac + bytes.fromhex('08060001080006040002') + mac + addr + mac + addr)
" "$rogue" 172.16.0.1
wait_for 5 "the conflict is told" event \
	".event == \"address\" and .address == \"172.16.0.1\" and .state == \"conflict\" and .mac == \"$rogue\""
wait_for 5 "a defence" arps_at_least $((before + 1)) "$(announcements 172.16.0.1 "$mac")"

note "probed for before it is used, and taken over once it is free"
on near ip addr add 172.16.0.12/24 dev eth0
pgw set duplicate-detection probe
pgw service add other address 172.16.0.12 protocol tcp port 80 backend 10.10.0.21:80
wait_for 10 "somebody has it" address_is 172.16.0.12 state conflict
refused "it is not used" has gw 172.16.0.12
on near ip addr del 172.16.0.12/24 dev eth0
wait_for 70 "it is used once nobody has it" has gw 172.16.0.12
wait_for 5 "it is told" event '.event == "address" and .address == "172.16.0.12" and .state == "unique"'
wait_for 5 "the takeover is announced" arps_at_least 2 "$(announcements 172.16.0.12 "$mac")"
equal "the service" "$(web near http://172.16.0.12/source)" 10.10.0.2
refused "and that is not called mended" grep -q "mended: address 172.16.0.12" "$WORK/pgwd.err"

note "not answered for after its removal"
pgw service del other
refused "an answer for 172.16.0.12" on near arping -q -c 2 -w 2 -I eth0 172.16.0.12
refused "an answer for an address of the other side" on near arping -q -c 1 -w 1 -I eth0 10.10.0.2
expect "an answer for 172.16.0.1" on near arping -q -c 1 -w 3 -I eth0 172.16.0.1
gateway_stop
