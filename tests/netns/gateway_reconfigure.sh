#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Reconfiguring moves the access to another address of the private network, and there is no moment
# in which neither serves: of a stream of requests, each sent to both addresses at once, every one is
# answered. A session of the former address ends with it, one that does not concern it goes on.
#
#   near ── 172.16.0.1 ⇄ 172.16.0.2 ── gw ── vc
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
# shellcheck source=tests/lib/tasks.sh
. "$TOP/tests/lib/tasks.sh"

tasks_topology
servers_start
{
	tasks_config
	echo "service add uecho address 203.0.113.10 protocol udp port 7 backend 10.10.0.10:7 datacenter 1"
	echo "address add 172.16.0.9/24 portgroup vrack"
	echo "service add other address 172.16.0.9 protocol tcp port 7 backend 10.10.0.10:7"
	echo "set duplicate-detection off" # this is about what comes after it
} >"$WORK/pgw.conf"
gateway_start "$WORK/pgw.conf"
pgw gateway enable 1 address 172.16.0.1/24 portgroup vrack >/dev/null
pgw -j config show | jq -r .text >"$WORK/enabled"

answered() { # answered FIELD COUNT - of the last line: 3 of the first address, 4 of the second
	[ "$(awk -v field="$1" '$1 == "asked" { n = $field } END { print n + 0 }' "$WORK/stream.out")" -ge "$2" ]
}
hold_start moved near 172.16.0.1 7
hold_start other near 172.16.0.9 7
traffic_spawn stream near udp-either 7 172.16.0.1 172.16.0.2
wait_for 10 "the stream is answered" answered 3 100
for round in 1 2 3; do
	pgw gateway reconfigure 1 address 172.16.0.2/24 >/dev/null
	equal "$round: it is there" "$(pgw -j gateway show 1 | jq -r '.[0]."customer-ip"')" 172.16.0.2
	pgw gateway reconfigure 1 address 172.16.0.1/24 >/dev/null
	equal "$round: it is back" "$(pgw -j gateway show 1 | jq -r '.[0]."customer-ip"')" 172.16.0.1
done
kill "${PID[stream]}"
finish stream || fail "neither address has answered: $(tail -n 1 "$WORK/stream.out")"
note "$(grep ^total "$WORK/stream.out")"
expect "the second address has answered as well" answered 4 1
moved_ended() { [ "$(sessions dst 172.16.0.1 protocol tcp)" = 0 ]; }
wait_for 10 "the session of the former address has ended" moved_ended
stop moved
hold_goes_on other
hold_end other
pgw -j config show | jq -r .text >"$WORK/after"
expect "there and back leaves nothing" diff "$WORK/enabled" "$WORK/after"

note "one that fails after the move is taken back"
stop server-vc
stop server-esx1
refused "while nobody answers" pgw gateway reconfigure 1 address 172.16.0.2/24
servers_start
pgw -j config show | jq -r .text >"$WORK/after"
expect "nothing is left of it" diff "$WORK/enabled" "$WORK/after"
expect "where it was" reached near 172.16.0.1
gateway_stop
