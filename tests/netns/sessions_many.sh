#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# 20,000 sessions are listed again and again while traffic flows; no packet is lost to it.
#
#   near 172.16.0.50, 20,480 UDP sessions ─┬─ gw ─ vc 10.10.0.10
#   far 192.168.50.10 ─ router, ping, TLS ─┘
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start
servers_start vc
gateway_start

expect "the server answers" ping_from near 10.10.0.10 -c 1
traffic near udp-fill 10.10.0.10 30000 20480
wait_for 10 "the sessions are there" eval '[ "$(gateway_figure flows)" -ge 20480 ]'
spawn ping far ping -n -c 200 -i 0.01 -W 2 10.10.0.10
spawn download far curl -sS -f -k --limit-rate 100M "https://172.16.0.1/data/$((200 << 20))"
wait_for 5 "the download runs" test -s "$WORK/download.out"
for _ in 1 2 3 4 5; do
	at_least "sessions listed" "$(sessions)" 20480
done
finish ping || fail "pings were lost: $(tail -n 3 "$WORK/ping.out")"
contains "ping meanwhile" "$(cat "$WORK/ping.out")" "200 received, 0% packet loss"
finish download || fail "the download broke: $(cat "$WORK/download.err")"
for portgroup in vrack vsphere; do
	equal "packets lost by a full ring at $portgroup" \
		"$(portgroup_figure $portgroup ring-lost-packets)" 0
done
