#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The wall clock jumps a day forth and two days back: nothing expires, nothing stops, because all timers are
# monotonic. pgwd is told the wrong time by tests/fault/failing.c; the datapath may not even ask for it.
#
FAULT_REPETITIONS=${FAULT_REPETITIONS:-1}
# shellcheck source=tests/fault/common.sh
. "$(dirname "$0")/common.sh"

jump() {
	local before
	before=$(gateway_figure flows-expired)
	for seconds in 86400 -86400 0; do
		echo $seconds >"$WORK/clock.new"
		mv "$WORK/clock.new" "$WORK/clock"
		fault_flows_again >/dev/null
		pgw allow add 10.99.0.0/24
		pgw allow del 10.99.0.0/24
	done
	equal "sessions that expired" "$(gateway_figure flows-expired)" "$before" >/dev/null
}

refused "a wall clock in the datapath" grep -rnE \
	'\((CLOCK_REALTIME|CLOCK_TAI)|[^_a-z]time\(NULL|gettimeofday|localtime' --include='*.[ch]' \
	"$TOP"/datapath/{base,io,proto,frag,flow,policy,rewrite,link,worker,process}
topology_start
fault_servers
fault_config off >"$WORK/pgw.conf"
echo "service add checked address 172.16.0.1 protocol tcp port 8080 backend 10.10.0.10:5555 check tcp interval 0.2" \
	>>"$WORK/pgw.conf"
echo 0 >"$WORK/clock"
spawn pgwd gw env "LD_PRELOAD=$(dirname "$PGW_BIN")/tests/libpgw_failing.so" "FAIL_CLOCK=$WORK/clock" \
	"$PGW_BIN/pgwd" -c "$WORK/pgw.conf" -r "$WORK/run" -S "$WORK/state"
wait_for 15 "pgwd is ready" said pgwd ready
fault_load
spawn monitor gw "$PGW_BIN/pgw" -r "$WORK/run" -j monitor
fault_repeat clock "wall clock a day forth, two days back" jump
tomorrow=$(date -u -d '+1 day' +%F)
expect "the gateway did see the other day" grep -q "\"time\":\"$tomorrow" "$WORK/monitor.out"
equal "backend that is checked" "$(pgw -j service show checked | jq -r '.[0].backends[0].state')" up
stop monitor
fault_load_end
gateway_stop
