#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# SIGKILL of pgw-datapath: it is started again, adopts the flow table, and sessions go on.
#
#   far 192.168.50.10 ─ router ─┬─ gw: pgwd, pgw-datapath (killed) ─ vc 10.10.0.10
#   near 172.16.0.50 ───────────┘
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start
servers_start vc
gateway_start
hold_start far far 172.16.0.1 7
hold_start near near 172.16.0.1 7
flows=$(gateway_figure flows)

another_runs() { # 0 is none, and to kill the whole group of this script
	local now
	now=$(datapath_pid)
	[ "$now" != "$pid" ] && [ "$now" -gt 0 ] && kill -0 "$now"
}

for turn in 1 2 3; do
	pid=$(datapath_pid)
	kill -KILL "$pid"
	wait_for 10 "another datapath runs, turn $turn" another_runs
	hold_goes_on far
	hold_goes_on near
done

# What it had not read when it was killed must not make its end a fault of its own: after eight of
# those in a row it would get an empty flow table.
unread() {
	on gw ss -Hxa | awk -v path="$WORK/run/datapath.sock" '$5 == path && $2 == "ESTAB" && $3 > 0 { found = 1 } END { exit !found }'
}
for turn in 1 2 3 4 5 6 7 8 9; do
	pid=$(datapath_pid)
	kill -STOP "$pid"
	pgw allow add "10.98.$turn.0/24" &
	asked=$!
	wait_for 10 "a question waits, turn $turn" unread
	kill -KILL "$pid"
	wait "$asked" || true
	wait_for 20 "another datapath runs, turn $turn" another_runs
done
refused "called a fault of its own" grep -E "malformed|empty flow table" "$WORK/pgwd.err"
hold_goes_on far
at_least "flows, all of them adopted" "$(gateway_figure flows)" "$flows"
equal "new requests" "$(web far http://172.16.0.1/source)" 10.10.0.2
hold_end far
hold_end near
gateway_stop
