#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# "pgw -j monitor" tells revisions and deaths as they happen, one JSON object a line.
#
#   gw: pgwd, pgw-datapath, pgw monitor
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start
gateway_start
spawn monitor gw "$PGW_BIN/pgw" -r "$WORK/run" -j monitor

event() { # event JQ-CONDITION - has there been such an event?
	jq -e -s "any(.[]; $1)" "$WORK/monitor.out"
}

pgw_is_heard() { # a change that the monitor, once it listens, tells of
	pgw allow add 10.99.0.0/24 && pgw allow del 10.99.0.0/24
	event '.event == "revision"'
}

wait_for 5 "a revision is told" pgw_is_heard
wait_for 5 "with the statement that made it" event \
	'.event == "revision" and (.changes | tostring | contains("10.99.0.0/24"))'
kill -KILL "$(datapath_pid)"
wait_for 10 "the datapath's death is told" event '.event == "datapath" and .state == "died"'
wait_for 10 "and the next one" event \
	'.event == "datapath" and (.state == "adopted" or .state == "started") and .pid > 0'
running monitor || fail "pgw monitor has ended: $(cat "$WORK/monitor.err")"
expect "every line is an object with time and event" \
	jq -e -s 'all(.[]; has("time") and has("event"))' "$WORK/monitor.out"
equal "lines that are no object of their own" \
	"$(grep -cv '^{.*}$' "$WORK/monitor.out" || true)" 0
