#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Backends are checked by tcp, tls, http and icmp. One that fails gets no new session within interval
# times fall; its sessions are kept, reset or moved, as the service says; it comes back after rise. A
# service without any answers as it says. A pgwd that is started again knows who was down.
#
#   near 172.16.0.50 ─ gw 172.16.0.1 … 172.16.0.19 ─┬─ vc   10.10.0.10
#                                                    └─ esx1 10.10.0.21, which fails now and then
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start
servers_start

{
	gateway_config
	while read -r name address backends options; do
		echo "service add $name address 172.16.0.$address backend ${backends/,/ backend }" \
			"interval 0.2 timeout 0.5 fall 2 rise 2 $options"
	done <<-SERVICES
		keep    10 10.10.0.10:7,10.10.0.21:7     protocol tcp port 7 check tcp
		reset   11 10.10.0.10:7,10.10.0.21:7     protocol tcp port 7 check tcp dead reset
		move    12 10.10.0.10:7,10.10.0.21:7     protocol udp port 7 check icmp dead move
		tls     13 10.10.0.10:443,10.10.0.21:443 protocol tcp port 443 check tls
		http    14 10.10.0.10:80,10.10.0.21:80   protocol tcp port 80 check http path /source
		least   15 10.10.0.10:7,10.10.0.21:7     protocol tcp port 7 check tcp balance least-connections
		no-tls  16 10.10.0.10:7,10.10.0.21:7     protocol tcp port 7 check tls
		no-http 17 10.10.0.10:80,10.10.0.21:80   protocol tcp port 80 check http path /none
		closed  18 10.10.0.10:9                  protocol tcp port 9 check tcp
		refuse  18 10.10.0.10:9                  protocol tcp port 10 check tcp down reset
		unreach 18 10.10.0.10:9                  protocol tcp port 11 check tcp down icmp
		datagrm 18 10.10.0.10:9                  protocol udp port 10 check tcp down reset
		away    18 10.10.0.99:9                  protocol udp port 11 check icmp down icmp
	SERVICES
} >"$WORK/health.conf"
gateway_start "$WORK/health.conf"
spawn monitor gw "$PGW_BIN/pgw" -r "$WORK/run" -j monitor backend

backend() { # backend SERVICE ADDRESS FIELD
	pgw -j service show "$1" | jq -r --arg address "$2" --arg field "$3" \
		'[.. | objects | select(.address? == $address and has("port") and has("state"))][0][$field]'
}
is() { # is SERVICE ADDRESS STATE
	[ "$(backend "$1" "$2" state)" = "$3" ]
}
vc=10.10.0.10
esx1=10.10.0.21

note "what passes and what fails"
for service in keep reset move tls http least; do
	wait_for 3 "backends of $service are up" is $service $vc up
	wait_for 3 "backends of $service are up" is $service $esx1 up
done
for service in no-tls no-http closed refuse unreach datagrm; do
	wait_for 3 "backends of $service are down" is $service $vc down
done
wait_for 5 "a host that is not there is down" is away 10.10.0.99 down
equal "backend of a service without a check" "$(backend web $vc state)" unchecked
contains "why no-tls is down" "$(backend no-tls $vc last-error)" "TLS: "
equal "why no-http is down" "$(backend no-http $vc last-error)" "HTTP status 404"
equal "why closed is down" "$(backend closed $vc last-error)" "Connection refused"
details=$(pgw -d service show closed)
note "$details"
contains "text with details" "$details" " (Connection refused)"

note "services without a backend answer as they say"
revision=$(gateway_figure revision)
datagram() { # datagram PORT - what a client's socket hears after a datagram
	on near /usr/bin/python3 - 172.16.0.18 "$1" <<-'PYTHON'
	import errno, socket, sys
	sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	sock.connect((sys.argv[1], int(sys.argv[2])))
	sock.setsockopt(socket.IPPROTO_IP, 11, 1)  # IP_RECVERR: what is not final, too
	sock.settimeout(3)
	sock.send(b"x")
	try:
	    print(sock.recv(100))
	except OSError as error:
	    print(errno.errorcode.get(error.errno, error))
	PYTHON
}
equal "down silence" "$(traffic near tcp 172.16.0.18 9 --wait 0.4)" timeout
equal "down reset, TCP" "$(traffic near tcp 172.16.0.18 10)" refused
equal "down icmp, TCP" "$(traffic near tcp 172.16.0.18 11)" unreachable
equal "down reset, UDP" "$(datagram 10)" ECONNREFUSED
equal "down icmp, UDP" "$(datagram 11)" EHOSTUNREACH
at_least "drops under no-backend" "$(drops no-backend)" 5

# sessions_at SERVICE BACKEND - source ports of its sessions there that are not closed
sessions_at() {
	pgw -j session show service "$1" | jq -r --arg backend "$2" \
		'.. | objects | select(has("protocol") and ([.[]] | index($backend)) and
		(.state // "" | . != "closed" and . != "reset")) | ."internal-src-port"'
}
count_at() { # count_at SERVICE BACKEND
	sessions_at "$1" "$2" | wc -l
}
count_is() { # count_is SERVICE BACKEND COUNT
	[ "$(count_at "$1" "$2")" = "$3" ]
}

note "sessions on both, then esx1 takes no new connection and answers no ping"
for name in keep-1 keep-2 reset-1 reset-2; do
	case $name in
	keep*) hold_start $name near 172.16.0.10 7 ;;
	reset*) hold_start $name near 172.16.0.11 7 ;;
	esac
done
for port in 5001 5002; do
	equal "datagram of port $port" "$(traffic near udp 172.16.0.12 7 text --bind $port)" text
done
for service in keep reset move; do
	equal "sessions of $service at esx1" "$(count_at $service $esx1)" 1
done
on esx1 nft -f - <<-NFT
	table ip fault {
		chain input {
			type filter hook input priority 0
			tcp flags & (syn | ack) == syn drop
			icmp type echo-request drop
		}
	}
NFT
for service in keep reset move tls http least; do
	wait_for 3 "esx1 is down for $service" is $service $esx1 down
done
contains "why it is down" "$(backend keep $esx1 last-error)" "no answer within 0.5 s"
equal "and that changed no revision" "$(gateway_figure revision)" "$revision"
for _ in 1 2 3 4; do
	equal "new session of http" "$(web near http://172.16.0.14/source --max-time 2)" 10.10.0.2
	traffic near hold 172.16.0.10 7 --pieces 1 >/dev/null || fail "new session of keep"
done
hold_goes_on keep-1
hold_goes_on keep-2
broke() {
	! running reset-1 || ! running reset-2
}
wait_for 3 "a session of reset has been ended" broke
contains "its client was told" "$(cat "$WORK"/reset-[12].out)" "reset by peer"
equal "sessions of reset at vc" "$(count_at reset $vc)" 1
wait_for 3 "datagrams' session at esx1 has been ended" count_is move $esx1 0
for port in 5001 5002; do
	equal "datagram of port $port" "$(traffic near udp 172.16.0.12 7 text --bind $port)" text
done
equal "sessions of move at vc" "$(count_at move $vc)" 2

note "a pgwd that is killed and started again knows that"
stop pgwd KILL
gateway_launch
wait_for 15 "pgwd is ready again" gateway_said_ready
for service in keep reset move; do
	equal "esx1 for $service" "$(backend $service $esx1 state)" down
done
hold_goes_on keep-1
hold_goes_on keep-2
spawn monitor gw "$PGW_BIN/pgw" -r "$WORK/run" -j monitor backend
monitor_hears() {
	pgw allow add 10.99.0.0/24 >/dev/null
	pgw allow del 10.99.0.0/24 >/dev/null
	[ -e "/proc/${PID[monitor]}" ]
}
expect "pgw monitor runs" monitor_hears

note "esx1 serves again"
on esx1 nft delete table ip fault
for service in keep reset move tls http least; do
	wait_for 3 "esx1 is up for $service" is $service $esx1 up
done
wait_for 3 "events tell it" jq -e -s \
	'any(.[]; .event == "backend" and .service == "keep" and .backend == "10.10.0.21:7" and .state == "up")' \
	"$WORK/monitor.out"
hold_end keep-1
hold_end keep-2

note "the server of esx1 is killed, and started again"
stop server-esx1 KILL
for service in keep tls http; do
	wait_for 3 "esx1 is down for $service" is $service $esx1 down
done
equal "why it is down" "$(backend http $esx1 last-error)" "Connection refused"
is move $esx1 up || fail "its host still answers pings"
wait_for 3 "events tell it" jq -e -s 'any(.[]; .event == "backend" and .service == "http" and
	.state == "down" and .reason == "Connection refused")' "$WORK/monitor.out"
for _ in 1 2 3 4; do
	equal "new session of tls" "$(web near https://172.16.0.13/source --max-time 2)" 10.10.0.2
done
servers_start esx1
for service in keep tls http least; do
	wait_for 3 "esx1 is up for $service" is $service $esx1 up
done

note "least-connections evens out what ended unevenly"
for i in 1 2 3 4; do
	hold_start least-$i near 172.16.0.15 7
done
equal "sessions of least at vc" "$(count_at least $vc)" 2
equal "sessions of least at esx1" "$(count_at least $esx1)" 2
for i in 1 2 3 4; do
	port=$(sed -n 's/^connected //p' "$WORK/least-$i.out")
	sessions_at least $vc | grep -qx "$port" && hold_end least-$i
done
wait_for 3 "sessions of least at vc have ended" count_is least $vc 0
for i in 5 6; do
	hold_start least-$i near 172.16.0.15 7
done
equal "sessions of least at vc" "$(count_at least $vc)" 2
equal "sessions of least at esx1" "$(count_at least $esx1)" 2
gateway_stop
