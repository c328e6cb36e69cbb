#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# "pgw session del" ends the sessions that its filter chooses and no others, whoever forwards them: of
# 20,000 a part, the rest of a service, all. Their ports come free, what goes on is not held up.
#
#   near 172.16.0.50, 20,480 UDP sessions ─┬─ gw ─ vc 10.10.0.10
#   far 192.168.50.10 ─ router, held ──────┘
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start
servers_start vc
gateway_start

ended() { # ended FILTER… - how many pgw says it has ended
	pgw -j session del "$@" | jq -r '[.. | objects | .ended // empty][0]'
}

expect "the server answers" ping_from near 10.10.0.10 -c 1
hold_start far far 172.16.0.1 7 --bind 40001
hold_start near near 172.16.0.1 7 --bind 40002
traffic near udp-fill 10.10.0.10 30000 20480
wait_for 10 "the sessions are there" eval '[ "$(gateway_figure flows)" -ge 20480 ]'
before=$(sessions protocol udp)
mappings=$(gateway_figure mappings)
part=$(sessions protocol udp internal-dst-port 30000-30015)
at_least "sessions to 16 ports" "$part" 5120

refused "no port" pgw session del sport 65536
refused "a service that does not exist" pgw session del service attic
equal "what is wrong ends nothing" "$(sessions protocol udp)" "$before"
equal "none that match" "$(ended src 203.0.113.7)" 0
equal "sessions to 16 ports ended" "$(ended protocol udp internal-dst-port 30000-30015)" "$part"
equal "sessions to these" "$(sessions protocol udp internal-dst-port 30000-30015)" 0
equal "the others" "$(sessions protocol udp)" $((before - part))
hold_goes_on far
hold_goes_on near

note "several at once wait for each other"
for port in 30020 30021 30022 30023; do
	ended protocol udp internal-dst-port $port >"$WORK/ended.$port" &
done
wait_for 20 "all have been answered" eval '[ "$(cat "$WORK"/ended.* | wc -l)" -eq 4 ]'
equal "ended by four" "$(cat "$WORK"/ended.* | sort -u)" 320
part=$((part + 4 * 320))

equal "with a limit" "$(ended protocol udp limit 1000)" 1000
equal "the others" "$(sessions protocol udp)" $((before - part - 1000))

spawn ping far ping -n -c 100 -i 0.01 -W 2 10.10.0.10
equal "all of a source" "$(ended src 172.16.0.50 protocol udp)" $((before - part - 1000))
finish ping || fail "pings were lost: $(tail -n 3 "$WORK/ping.out")"
contains "ping meanwhile" "$(cat "$WORK/ping.out")" "100 received, 0% packet loss"
at_least "mappings that went with them" $((mappings - $(gateway_figure mappings))) 320
hold_goes_on far
hold_goes_on near

equal "one by its id" "$(ended id "$(pgw -j session show internal-src-port 40001 |
	jq -r '[.. | objects | .id // empty][0]')")" 1
equal "the session of far" "$(sessions internal-src-port 40001)" 0
hold_goes_on near
hold_end near
at_least "the others, all" "$(ended all)" 1
equal "sessions" "$(sessions)" 0
expect "new ones are made" traffic near tcp 172.16.0.1 80
