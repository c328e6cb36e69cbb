#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A restart of the whole service: both processes end, the service manager keeps the flow table, and
# the sessions go on.
#
#   far 192.168.50.10 ─ router ─ gw: service manager: pgwd: pgw-datapath ─ vc 10.10.0.10
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start
servers_start vc
gateway_config >"$WORK/pgw.conf"
spawn manager gw /usr/bin/python3 "$TOP/tests/fault/service_manager.py" \
	"$PGW_BIN/pgwd" -c "$WORK/pgw.conf" -r "$WORK/run" -S "$WORK/state"
wait_for 15 "pgwd is ready" said manager "started 1"
expect "what is kept" grep -q "^started 1 pgw-counters pgw-flow-table pgw-snapshot$" \
	"$WORK/manager.out"
hold_start session far 172.16.0.1 7
first=$(datapath_pid)
rcvd=$(portgroup_figure vrack rcvd-packets)

kill -USR1 "${PID[manager]}"
wait_for 15 "pgwd is ready again" said manager "started 2"
refused "the former datapath is gone" kill -0 "$first"
hold_goes_on session
equal "the session is listed" "$(sessions internal-src-address 192.168.50.10 protocol tcp \
	internal-dst-port 7)" 1
at_least "packets counted in both lives" "$(portgroup_figure vrack rcvd-packets)" "$rcvd"
equal "the same configuration, the same revision" "$(gateway_figure revision)" 1

# Another capacity: the kept table does not fit any more, everything else goes on.
echo "set flow-capacity 1000" >>"$WORK/pgw.conf"
kill -USR1 "${PID[manager]}"
wait_for 15 "pgwd is ready once more" said manager "started 3"
equal "capacity" "$(gateway_figure flow-capacity)" 1000
equal "new requests" "$(web far http://172.16.0.1/source)" 10.10.0.2
stop manager
equal "processes left in the namespace" "$(ip netns pids "$(node gw)" | wc -l)" 0
