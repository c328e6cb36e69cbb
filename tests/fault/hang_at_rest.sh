#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A datapath without work is not asked for signs of life; one that hangs then is noticed as soon as there
# is work again, and replaced.
#
#   far 192.168.50.10 ─ router ─ gw: pgwd, pgw-datapath (stopped) ─ vc 10.10.0.10
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start
servers_start vc
gateway_start
equal "a request" "$(web far http://172.16.0.1/source)" 10.10.0.2

# The rings that pgwd waits for by an epoll descriptor: of packet sockets, which take IPv4.
rings_watched() {
	local directory=/proc/${PID[pgwd]} rings info fd
	rings=$(on gw awk '$4 == "0800" { print "socket:[" $NF "]" }' /proc/net/packet)
	for info in "$directory/fdinfo"/*; do
		[ "$(readlink "$directory/fd/${info##*/}")" = "anon_inode:[eventpoll]" ] || continue
		while read -r fd; do
			readlink "$directory/fd/$fd"
		done < <(awk '/^tfd:/ { print $2 }' "$info")
	done | grep -cxF "$rings" || true
}
at_rest() {
	[ "$(rings_watched)" = $((2 * $(gateway_figure workers))) ]
}

wait_for 20 "at rest" at_rest
for turn in 1 2; do
	pid=$(datapath_pid)
	kill -STOP "$pid"
	spawn request far curl -sS --max-time 20 http://172.16.0.1/source
	wait_for 10 "another datapath runs, turn $turn" other_datapath "$pid"
	wait_for 20 "the request is served, turn $turn" said request 10.10.0.2
	wait_for 20 "at rest again, turn $turn" at_rest
done
equal "known without asking" "$(grep -c ': it is stopped' "$WORK/pgwd.err")" 2
gateway_stop
