#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# "pgw explain" says what then happens to real packets, with the statement for each reason; "pgw doctor"
# finds what was broken on purpose, and nothing else.
#
#   far 192.168.50.10 ─ router 172.16.0.254 ─ eth1 gw eth2 ─ vc 10.10.0.10
#   stranger 192.168.60.10 ─┘
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"

explained() { # explained JQ WORDS… - the answer's value; whatever the exit code
	local query=$1
	shift
	pgw -j explain "$@" | jq -r "$query" || true
}

exit_code() { # exit_code COMMAND… - its exit code
	local code=0
	"$@" >/dev/null 2>&1 || code=$?
	echo "$code"
}

says() { # says CHECK STATE PATTERN - does the doctor say so?
	{ pgw -j doctor || true; } | jq -e --arg c "$1" --arg s "$2" --arg p "$3" \
		'any(.[]; .check == $c and .state == $s and (.text | test($p)))'
}

not_ok() { # the checks that are not fine, but for the clock, which is the machine's
	{ pgw -j doctor || true; } | jq -r '[.[] | select(.state != "ok" and .check != "clock" and .check != "kernel-parameters") | .check] | join(" ")'
}

topology_start
servers_start
gateway_start

note "a client that may"
equal "verdict" "$(explained .verdict from 192.168.50.10 to 172.16.0.1:80)" forwarded
equal "exit code" "$(exit_code pgw explain from 192.168.50.10 to 172.16.0.1:80)" 0
equal "to the backend" "$(explained '."translated-to"' from 192.168.50.10 to 172.16.0.1:80)" 10.10.0.10:80
equal "from the pool" "$(explained '."translated-from"' from 192.168.50.10 to 172.16.0.1:80)" 10.10.0.2
equal "and so it is" "$(web far http://172.16.0.1/source)" 10.10.0.2
equal "the allow entry" "$(explained '.steps[] | select(.step == "allow") | .statement' \
	from 192.168.50.10 to 172.16.0.1:80)" 'allow add 192.168.50.0/24 description "office"'
line=$(explained '.steps[] | select(.step == "service") | .line' from 192.168.50.10 to 172.16.0.1:80)
expect "the service's line of the file" grep -q '^service add web ' <(sed -n "${line}p" "$WORK/pgw.conf")
expect "as text" grep -q '^verdict: forwarded on portgroup vsphere' \
	<(pgw explain from 192.168.50.10 to 172.16.0.1:80)
expect "with the line" grep -q "nat add 10 .*(line 6)" <(pgw explain from 192.168.50.10 to 172.16.0.1:80)

note "one that may not"
equal "reason" "$(explained .reason from 192.168.60.10 to 172.16.0.1:80)" not-allowed
equal "exit code" "$(exit_code pgw explain from 192.168.60.10 to 172.16.0.1:80)" 2
refused "and so it is" web stranger http://172.16.0.1/source
at_least "dropped for that" "$(drops not-allowed)" 1

note "others"
equal "no service" "$(explained .verdict from 192.168.50.10 to 172.16.0.1:2222)" kernel
equal "no rule" "$(explained .reason from 192.168.50.10 to 198.51.100.1:80)" no-nat-rule
equal "from the wrong side" "$(explained .reason from 10.10.0.10 to 172.16.0.1:80 portgroup vrack)" reverse-path
equal "ping" "$(explained .verdict from 172.16.0.50 to 10.10.0.10)" forwarded
hold_start session far 172.16.0.1 7
port=$(pgw -j session show dport 7 | jq -r '.. | objects | select(has("internal-src-port")) | ."internal-src-port"' | head -n 1)
equal "a session that is there" "$(explained '.steps[] | select(.step == "session") | .outcome' \
	from "192.168.50.10:$port" to 172.16.0.1:7 portgroup vrack)" passes
hold_end session
pgw service add closed address 172.16.0.13 protocol tcp port 9 backend 10.10.0.10:9 check tcp interval 0.1 fall 1 down reset
wait_for 10 "a service without a backend is told" eval '[ "$(explained .reason from 192.168.50.10 to 172.16.0.13:9)" = no-backend ]'
contains "and what its clients hear" "$(explained '.steps[] | select(.step == "backend") | .text' \
	from 192.168.50.10 to 172.16.0.13:9)" "the client is refused at once"
equal "and so it is" "$(traffic far tcp 172.16.0.13 9)" refused
pgw service del closed
equal "wrong words" "$(exit_code pgw explain from 1.2.3.4.5 to 172.16.0.1:80)" 1
equal "unknown portgroup" "$(exit_code pgw explain from 1.2.3.4 to 172.16.0.1:80 portgroup x)" 2

note "the doctor: first nothing"
wait_for 15 "nothing is wrong" eval '[ -z "$(not_ok)" ]'
equal "exit code" "$(exit_code pgw doctor)" 0
expect "as text" grep -q '^ok .*pgw-datapath .*without capabilities' <(pgw doctor)

note "the doctor: what is broken on purpose"
pgw tunnel-gateway add dev address 10.10.0.2:4443 inside 172.16.0.1 from 172.16.0.0/24,192.168.50.0/24 >/dev/null
wait_for 5 "no way back to clients of endpoints" says endpoints warn "no route to 192.168.50.0/24"
pgw route add 192.168.50.0/24 via 172.16.0.254
wait_for 5 "there is one" says endpoints ok ""
pgw route del 192.168.50.0/24
pgw tunnel-gateway del dev
pgw allow add 10.99.0.0/24
wait_for 5 "an unsaved change" says configuration warn "1 differences"
pgw allow del 10.99.0.0/24
ip -n "$(node switch)" link set gw-eth2 down
wait_for 5 "a link without carrier" says portgroup fail "vsphere: interface eth2 has no link"
equal "exit code" "$(exit_code pgw doctor)" 2
contains "and for those who ask what becomes of a packet" \
	"$(explained '.steps[0].text' from 10.10.0.10 to 172.16.0.50 portgroup vsphere)" "which is down"
ip -n "$(node switch)" link set gw-eth2 up
on near ip addr add 172.16.0.11/24 dev eth0
on near arping -q -U -c 1 -I eth0 172.16.0.11 || true
wait_for 10 "a host with an address of ours" says address fail "172.16.0.11 on portgroup vrack: .* has it, too"
on near ip addr del 172.16.0.11/24 dev eth0
gateway_stop
equal "exit code without a gateway" "$(exit_code pgw doctor)" 2
expect "said" grep -q '^fail .*pgwd' <(pgw doctor || true)
