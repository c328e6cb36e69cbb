#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# SIGKILL of a datapath with two workers, and of pgwd with it, while fragments and ICMP errors pass between
# them: the flow table is adopted by as many workers as the configuration says by then, and sessions go on.
#
#   far 192.168.50.10 ─ router ─┬─ gw: service manager: pgwd, pgw-datapath (killed) ─ vc 10.10.0.10
#   near 172.16.0.50 ───────────┘
#
# shellcheck source=tests/fault/common.sh
. "$(dirname "$0")/common.sh"
topology_start
servers_start vc
{
	gateway_config
	echo "set workers 2"
} >"$WORK/pgw.conf"
managed_start --restart

sessions="far7001 far7002 far7003 near7001 near7002 near7003"
for port in 7001 7002 7003; do
	hold_start "far$port" far 172.16.0.1 7 --bind $port
	hold_start "near$port" near 10.10.0.10 7 --bind $port
done
go_on() {
	local session
	for session in $sessions; do
		hold_goes_on "$session"
	done
}

# What must be handed over all the time: datagrams in pieces, and errors of closed ports.
spawn churn near bash -c 'while :; do
	/usr/bin/python3 "$1/frames.py" eth0 172.16.0.50 172.16.0.1 fragments shuffled
	/usr/bin/python3 "$1/traffic.py" udp-closed 10.10.0.10 9 --bind 6001
done' churn "$TOP/tests/lib"
churns() { # churns COUNT - so many datagrams have come back whole
	[ "$(grep -c 'as sent' "$WORK/churn.out")" -gt "$1" ]
}

adopted() { # adopted PID WORKERS - another datapath forwards, with so many
	other_datapath "$1" && [ "$(gateway_figure workers)" = "$2" ] && [ "$(workers_running)" = "$2" ]
}

wait_for 20 "datagrams in pieces pass" churns 2
for turn in 1 2; do
	pid=$(datapath_pid)
	kill -KILL "$pid"
	wait_for 20 "another datapath runs, turn $turn" adopted "$pid" 2
	go_on
	wait_for 20 "datagrams in pieces pass" churns "$(grep -c 'as sent' "$WORK/churn.out")"
done

for workers in 1 3 2; do
	note "from $(gateway_figure workers) workers to $workers"
	sed -i "s/^set workers.*/set workers $workers/" "$WORK/pgw.conf"
	pid=$(datapath_pid)
	kill -KILL "$(managed_pid)" "$pid"
	wait_for 20 "another datapath runs, with $workers workers" adopted "$pid" $workers
	go_on
	wait_for 20 "datagrams in pieces pass" churns "$(grep -c 'as sent' "$WORK/churn.out")"
done
stop churn
for session in $sessions; do
	hold_end "$session"
done
stop manager
equal "processes left in the namespace" "$(ip netns pids "$(node gw)" | wc -l)" 0
