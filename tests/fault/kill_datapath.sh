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

for turn in 1 2 3; do
	pid=$(datapath_pid)
	kill -KILL "$pid"
	wait_for 10 "another datapath runs, turn $turn" eval \
		"[ \"\$(datapath_pid)\" != $pid ] && kill -0 \"\$(datapath_pid)\""
	hold_goes_on far
	hold_goes_on near
done
at_least "flows, all of them adopted" "$(gateway_figure flows)" "$flows"
equal "new requests" "$(web far http://172.16.0.1/source)" 10.10.0.2
hold_end far
hold_end near
gateway_stop
