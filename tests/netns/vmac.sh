#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A virtual MAC speaks for its addresses, alone and in both directions, until it is removed.
#
#   near 172.16.0.50 ─────────┐   ┌ 172.16.0.1   the MAC of eth1
#   far ─ router 172.16.0.254 ┴ gw┤                                     ─ esx1 10.10.0.21
#                                 └ 172.16.0.11  02:00:00:12:34:56, later 172.16.0.12 too
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
MAC=02:00:00:12:34:56
VIP=172.16.0.11

on_wire() { # on_wire FILTER - frames that near or the router saw
	tcpdump -enr "$WORK/wire.pcap" "$@" 2>/dev/null | wc -l
}

on_wire_at_least() { # on_wire_at_least COUNT FILTER
	[ "$(on_wire "$2")" -ge "$1" ]
}

answered_by() { # answered_by ADDRESS [OPTION…] - MACs that answer near's ARP request
	traffic near arp eth0 "$@" | tr -d '\n'
}

answered_only_by() { # answered_only_by ADDRESS MAC
	[ "$(answered_by "$1")" = "$2" ]
}

topology_start
servers_start
gateway_config >"$WORK/pgw.conf"
echo "vmac add $MAC address $VIP portgroup vrack type ovh name esx1" >>"$WORK/pgw.conf"
spawn wire switch tcpdump -Ue -n -i vrack --immediate-mode -w "$WORK/wire.pcap"
wait_for 10 "the capture begins" grep -q listening "$WORK/wire.err"
on gw ip -o link >"$WORK/links-before"
gateway_start "$WORK/pgw.conf"
parent=$(on gw cat /sys/class/net/eth1/address)

wait_for 5 "a gratuitous ARP for $VIP" on_wire_at_least 1 \
	"ether src $MAC and arp[6:2] = 1 and arp src host $VIP and arp dst host $VIP"
equal "who answers for $VIP" "$(answered_by $VIP)" $MAC
equal "who answers for 172.16.0.1" "$(answered_by 172.16.0.1)" "$parent"
equal "shown" "$(pgw -j vmac show | jq -r '.[] | .mac + " " + .address + " " + .state')" \
	"$MAC $VIP present"

for client in near far; do
	equal "through the service, by $client" "$(web $client http://$VIP/source)" 10.10.0.2
done
intact far http://$VIP 300000
at_least "segments to the virtual MAC" "$(on_wire "tcp and dst host $VIP and ether dst $MAC")" 10
at_least "segments from it" "$(on_wire "tcp and src host $VIP and ether src $MAC")" 10
equal "segments to another MAC" "$(on_wire "tcp and dst host $VIP and not ether dst $MAC")" 0
equal "segments from another MAC" "$(on_wire "tcp and src host $VIP and not ether src $MAC")" 0
equal "resets: the kernel keeps out" \
	"$(on_wire "src host $VIP and tcp[tcpflags] & tcp-rst != 0")" 0
expect "the address answers ping" ping_from near $VIP

# The kernel takes the tag off; only its "for another station" still tells.
on near /usr/bin/python3 -c "
from scapy.all import *
sendp(Ether(dst='$MAC') / Dot1Q(vlan=7) / IP(src='172.16.0.50', dst='$VIP') / TCP(dport=80, flags='S'),
      iface='eth0', verbose=0)"
wait_for 5 "a frame of an unknown VLAN is dropped" drops_at_least link-destination 1

hold_start session far 172.16.0.1 7
pgw vmac add $MAC address 172.16.0.12 portgroup vrack type ovh name esx2
equal "who answers for a second address" "$(answered_by 172.16.0.12)" $MAC
equal "links of ours" "$(on gw ip -o link show type macvlan | wc -l)" 1
refused "an address of an address statement" \
	pgw vmac add 02:00:00:12:34:57 address 172.16.0.1 portgroup vrack type ovh name x

chosen=$(pgw vmac add auto address 172.16.0.20 portgroup vrack type vmware name auto)
chosen=$(grep -o '00:50:56:[0-3][0-9a-f]:[0-9a-f][0-9a-f]:[0-9a-f][0-9a-f]' <<<"$chosen")
equal "who answers for the MAC that was chosen" "$(answered_by 172.16.0.20)" "$chosen"
pgw vmac del "$chosen"
equal "who answers for it after its removal" "$(answered_by 172.16.0.20 --wait 1)" ""

note "SIGKILL, and damage while pgwd is away"
pgw config save
stop pgwd KILL
link=$(on gw ip -o link show type macvlan | sed 's/^[0-9]*: \([^@]*\)@.*/\1/')
on gw ip addr del 172.16.0.12/32 dev "$link"
on gw ip link set "$link" down
on gw sysctl -qw "net.ipv4.conf.$link.arp_ignore=0"
gateway_start "$WORK/pgw.conf"
equal "links of ours" "$(on gw ip -o link show type macvlan | wc -l)" 1
equal "mended: who answers for 172.16.0.12" "$(answered_by 172.16.0.12)" $MAC
equal "mended: who answers for 172.16.0.1" "$(answered_by 172.16.0.1)" "$parent"
equal "mended: the service" "$(web near http://$VIP/source)" 10.10.0.2
on gw ip link del "$link"
wait_for 5 "a link that was deleted is made again" answered_only_by $VIP $MAC

pgw vmac del $MAC address 172.16.0.12
equal "who answers for an address that was taken away" "$(answered_by 172.16.0.12 --wait 1)" ""
equal "the MAC has its other one" "$(answered_by $VIP)" $MAC
pgw vmac del $MAC --yes
equal "links of ours" "$(on gw ip -o link show type macvlan | wc -l)" 0
equal "who answers for the service's address now" "$(answered_by $VIP)" "$parent"
equal "the service goes on" "$(web near http://$VIP/source)" 10.10.0.2
hold_end session
gateway_stop
on gw ip -o link >"$WORK/links-after"
expect "links after a clean exit, as before the start" diff "$WORK/links-before" "$WORK/links-after"
