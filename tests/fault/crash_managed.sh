#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# SIGKILL and SIGSTOP under a service manager that keeps descriptors, starts again and has a watchdog: of
# pgwd, and of both daemons at once. No connection is lost; without offload the flow table comes back from the
# service manager.
#
#   far: 1000 idle connections, datagrams, iperf3 ─ router ─ gw: service manager: pgwd, pgw-datapath ─ vc
#
# shellcheck source=tests/fault/common.sh
. "$(dirname "$0")/common.sh"

other_pgwd() {
	local pid
	pid=$(managed_pid) && [ -n "$pid" ] && [ "$pid" != "$1" ]
}

pgwd_gone() { # pgwd_gone SIGNAL
	local begin pid
	pid=$(managed_pid)
	control_asked
	begin=${EPOCHREALTIME/[.,]/}
	kill "-$1" "$pid"
	wait_for 20 "another pgwd runs" other_pgwd "$pid"
	control_back "$begin"
}

both_gone() { # both_gone SIGNAL
	local begin pid datapath
	pid=$(managed_pid)
	datapath=$(datapath_pid)
	control_asked
	begin=${EPOCHREALTIME/[.,]/}
	kill "-$1" "$pid" "$datapath"
	wait_for 20 "another pgwd runs" other_pgwd "$pid"
	control_back "$begin"
	wait_for 20 "another datapath runs" other_datapath "$datapath"
}

topology_start
offload=${FAULT_OFFLOAD:-off}
fault_servers
fault_config "$offload" >"$WORK/pgw.conf"
managed_start --restart --watchdog 2
fault_load
fault_repeat pgwd-kill "SIGKILL of pgwd, service manager, offload $offload" pgwd_gone KILL
fault_repeat pgwd-stop "SIGSTOP of pgwd, watchdog of 2 s, offload $offload" pgwd_gone STOP
fault_repeat both-kill "SIGKILL of both, service manager, offload $offload" both_gone KILL
fault_repeat both-stop "SIGSTOP of both, watchdog of 2 s, offload $offload" both_gone STOP
fault_load_end
stop manager
equal "processes left in the namespace" "$(ip netns pids "$(node gw)" | wc -l)" 0
