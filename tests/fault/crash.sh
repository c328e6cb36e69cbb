#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# SIGKILL and SIGSTOP of each process under load: no connection is lost, and each recovers unaided. Without a
# service manager (that is crash_managed) and without offload (crash_offload sets FAULT_OFFLOAD=tc).
#
#   far: 1000 idle connections, datagrams, iperf3 ─ router ─ gw: pgwd, pgw-datapath, pgw-log ─ vc
#
# shellcheck source=tests/fault/common.sh
. "$(dirname "$0")/common.sh"

datapath_gone() { # datapath_gone SIGNAL
	local pid
	pid=$(datapath_pid)
	kill "-$1" "$pid"
	# A client that is new: the kernel may forward all others, and whether a datapath without work
	# hangs is noticed later (control/watch.h).
	on far bash -c 'echo new >/dev/udp/172.16.0.1/7'
	wait_for 20 "another datapath runs" other_datapath "$pid"
}

pgwd_killed() {
	local begin datapath
	datapath=$(datapath_pid)
	control_asked
	begin=${EPOCHREALTIME/[.,]/}
	kill -KILL "${PID[pgwd]}"
	finish pgwd 2>/dev/null || true
	fault_flows_again >/dev/null
	gateway_start "$WORK/pgw.conf" >/dev/null
	control_back "$begin"
	equal "the datapath, taken over" "$(datapath_pid)" "$datapath" >/dev/null
}

pgwd_stopped() { # nobody looks after it here: what it must not stop is forwarding
	kill -STOP "${PID[pgwd]}"
	fault_flows_again >/dev/null
	kill -CONT "${PID[pgwd]}"
}

log_figure() {
	gateway_figure "$1"
}

log_gone() { # log_gone SIGNAL
	local pid
	pid=$(log_figure log-pid)
	kill "-$1" "$pid"
	traffic far udp 172.16.0.1 7 event >/dev/null # something to write
	wait_for 20 "another pgw-log runs" eval '[ "$(log_figure log-pid)" != null ] && [ "$(log_figure log-pid)" != '"$pid"' ]'
	wait_for 20 "it has written what waited" eval '[ "$(log_figure log-pending)" = 0 ]'
}

topology_start
servers_start vc
offload=${FAULT_OFFLOAD:-off}
fault_servers
{
	fault_config "$offload"
	echo "set session-log file $WORK/sessions.log"
} >"$WORK/pgw.conf"
gateway_start "$WORK/pgw.conf"
fault_load
fault_repeat datapath-kill "SIGKILL of pgw-datapath, offload $offload" datapath_gone KILL
fault_repeat datapath-stop "SIGSTOP of pgw-datapath, offload $offload" datapath_gone STOP
fault_repeat pgwd-kill "SIGKILL of pgwd, started again by hand, offload $offload" pgwd_killed
fault_repeat pgwd-stop "SIGSTOP of pgwd for a while, offload $offload" pgwd_stopped
fault_repeat log-kill "SIGKILL of pgw-log, offload $offload" log_gone KILL
fault_repeat log-stop "SIGSTOP of pgw-log, offload $offload" log_gone STOP
equal "events lost" "$(log_figure log-lost)" 0
fault_load_end
gateway_stop
