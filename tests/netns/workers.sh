#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Two workers: both forward, under one filter of system calls; fragments and ICMP errors find their flow
# whichever of them they come to; each is asked for a sign of life; their number changes under traffic.
#
#   far 192.168.50.10 ─ router ─┬─ gw: pgwd, pgw-datapath with two threads ─ vc 10.10.0.10
#   near 172.16.0.50 ───────────┘
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
PGW_TEST_IO='' # by AF_XDP the first worker would have the others' packets, too
topology_start
servers_start vc
{
	gateway_config
	echo "set workers 2"
	echo "set metrics 127.0.0.1:9469"
} >"$WORK/two.conf"
gateway_start "$WORK/two.conf"

worker_figure() { # worker_figure NUMBER NAME
	pgw -j stats show workers | jq -r --argjson worker "$1" --arg name "$2" \
		'.[] | select(.worker == $worker) | .[$name]'
}

equal "threads" "$(workers_running)" 2
equal "workers" "$(gateway_figure workers)" 2
for task in "/proc/$(datapath_pid)/task"/*; do
	equal "Seccomp of thread ${task##*/}" "$(awk '$1 == "Seccomp:" { print $2 }' "$task/status")" 2
	equal "CapEff of thread ${task##*/}" "$(awk '$1 == "CapEff:" { print $2 }' "$task/status")" \
		0000000000000000
done

note "sockets of both receive, and what is another's is handed over"
for port in 5000 5001 5002 5003 5004 5005; do
	equal "UDP from $port" "$(traffic far udp 10.10.0.10 7 "from $port" --bind $port)" "from $port"
	equal "UDP from $port, near" "$(traffic near udp 172.16.0.1 7 "from $port" --bind $port)" \
		"from $port"
done
intact far http://172.16.0.1 3000000
for worker in 0 1; do
	at_least "sessions of worker $worker" "$(worker_figure $worker flows-created)" 1
	at_least "packets received by worker $worker" "$(worker_figure $worker rcvd-packets)" 6
done
at_least "metrics, of worker 1" "$(on gw curl -sS http://127.0.0.1:9469/metrics |
	awk '/^pgw_worker_flows_created_total.*"1"/ { print $2 }')" 1

note "fragments, in any order, and ICMP errors"
for size in 4000 8000; do
	expect "ping of $size bytes" ping_from far 10.10.0.10 -s $size
	expect "UDP of $size bytes" traffic near udp 10.10.0.10 7 x --bytes $size
done
for order in reverse shuffled; do
	for turn in 1 2; do
		expect "fragments in $order order, turn $turn" on near /usr/bin/python3 \
			"$TOP/tests/lib/frames.py" eth0 172.16.0.50 172.16.0.1 fragments $order
	done
done
for port in 6000 6001 6002 6003; do
	equal "a closed port is told of to port $port" \
		"$(traffic far udp-closed 10.10.0.10 9 --bind $port)" refused
done
handed=$(pgw -j stats show workers | jq '[.[]["handed-over-packets"]] | add')
at_least "packets handed over" "$handed" 1
equal "for want of room" "$(drops handover-full)" 0
equal "waiting fragments in the end" "$(gateway_figure fragments-waiting)" 0

note "the number changes under traffic: 2, 1, auto, 2"
for port in 7001 7002; do
	hold_start "far$port" far 172.16.0.1 7 --bind $port
	hold_start "near$port" near 10.10.0.10 7 --bind $port
done
pid=$(datapath_pid)
created=$(gateway_figure flows-created)
for workers in 1 auto 2; do
	pgw set workers $workers
	[ $workers != auto ] || workers=$(gateway_figure workers)
	equal "threads" "$(workers_running)" "$workers"
	for port in 7001 7002; do
		hold_goes_on "far$port"
		hold_goes_on "near$port"
	done
done
equal "sessions that began meanwhile" $(($(gateway_figure flows-created) - created)) 0
[ "$(datapath_pid)" != "$pid" ] || fail "the datapath was not started anew"

note "what is wrong is refused, and changes nothing"
pid=$(datapath_pid)
refused "no workers" pgw set workers 0
refused "too many" pgw set workers 9
refused "no number" pgw set workers many
equal "the datapath" "$(datapath_pid)" "$pid"

note "a worker that is stuck is noticed, though the first one answers"
spawn stuck gw /usr/bin/python3 "$TOP/tests/lib/stuck.py" "$pid" pgw-worker-1
wait_for 10 "it stands" said stuck stopped
wait_for 20 "another datapath runs" eval \
	"[ \"\$(datapath_pid)\" != $pid ] && [ \"\$(datapath_pid)\" != 0 ]"
contains "why" "$(cat "$WORK/pgwd.err")" "has not answered"
equal "threads" "$(workers_running)" 2
for port in 7001 7002; do
	hold_goes_on "far$port"
	hold_goes_on "near$port"
	hold_end "far$port"
	hold_end "near$port"
done
stop stuck
gateway_stop
