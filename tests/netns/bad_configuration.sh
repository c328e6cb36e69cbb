#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A wrong configuration is refused with line, column and what was expected; nothing of it is
# applied, at start, at SIGHUP and through pgw.
#
#   far 192.168.50.10 ─ router ─ gw ─ vc 10.10.0.10
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start
servers_start vc
{
	gateway_config
	echo "allow add 10.0.0.0/33"
} >"$WORK/wrong.conf"
line=$(wc -l <"$WORK/wrong.conf")

on gw ip -o addr >"$WORK/before"
message=$(gateway_refused "$WORK/wrong.conf")
contains "message at the start" "$message" "wrong.conf:$line:11"
on gw ip -o addr >"$WORK/after"
expect "nothing was programmed" diff "$WORK/before" "$WORK/after"

gateway_start
hold_start session far 172.16.0.1 7
revision=$(gateway_figure revision)
cp "$WORK/wrong.conf" "$WORK/pgw.conf"
kill -HUP "${PID[pgwd]}"
wait_for 5 "SIGHUP says what is wrong" grep -q "pgw.conf:$line:11" "$WORK/pgwd.err" "$WORK/pgwd.out"
refused "pgw config check" pgw config check "$WORK/wrong.conf"
refused "pgw config apply" pgw config apply "$WORK/wrong.conf"
contains "its message" "$(pgw config apply "$WORK/wrong.conf" 2>&1 || true)" "wrong.conf:$line"
refused "an unreadable file" pgw config apply "$WORK/none.conf"
equal "revision" "$(gateway_figure revision)" "$revision"
hold_goes_on session
hold_end session
