#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The gateway tells the time at its private address, to allowed clients of any subnet, and goes on doing
# so when its chronyd dies.
#
#   far  192.168.50.10 ─ router ─┐
#   near 172.16.0.50 ────────────┴─ gw 172.16.0.1 udp 123 ─ vc 10.10.0.10, a time server
#   stranger 192.168.60.10, who is not allowed
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start
printf 'local stratum 3\nallow all\ncmdport 0\nbindcmdaddress /\npidfile %s\n' "$WORK/vc.pid" \
	>"$WORK/vc.conf"
spawn upstream vc chronyd -d -x -U -u root -f "$WORK/vc.conf"

{
	gateway_config
	echo "ntp add 172.16.0.1 server 10.10.0.10"
} >"$WORK/ntp.conf"
gateway_start "$WORK/ntp.conf"

stratum() { # stratum NODE - that the gateway tells; fails without an answer within 1 s
	on "$1" /usr/bin/python3 - <<-'PYTHON'
	import socket
	sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	sock.settimeout(1)
	sock.connect(("172.16.0.1", 123))
	sock.send(b"\x23" + bytes(47))
	answer = sock.recv(100)
	assert len(answer) == 48 and answer[0] & 7 == 4, answer
	print(answer[1])
	PYTHON
}
tells() { # tells NODE - the time of a synchronised server, one further away than vc
	[ "$(stratum "$1" 2>/dev/null)" = 4 ]
}

wait_for 15 "the gateway is synchronised" tells near
wait_for 5 "it tells a foreign subnet, too" tells far
refused "a stranger" stratum stranger
at_least "dropped for the allow list" "$(drops not-allowed)" 1
expect "a real client agrees" on far chronyd -Q -x -U -t 8 'server 172.16.0.1 iburst'

pid=$(pgw -j stats show gateway | jq '."ntp-pid"')
equal "capabilities of chronyd" "$(grep CapEff "/proc/$pid/status" | tr -d '[:space:]')" \
	CapEff:0000000000000000
kill -KILL "$pid"
wait_for 15 "another one answers" tells near
refused "the same pid" test "$(pgw -j stats show gateway | jq '."ntp-pid"')" = "$pid"

pid=$(pgw -j stats show gateway | jq '."ntp-pid"')
gateway_stop
refused "chronyd after the end" kill -0 "$pid"
refused "its directory" test -e "$WORK/run/ntp"
