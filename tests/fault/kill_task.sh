#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# pgwd is killed in the middle of enabling, moving and disabling a private gateway, at the Nth time that it
# waits for the disk: before and after every step. The next pgwd goes on: the task is done, access is
# on one side alone, and nothing of the check and of the former place is left.
#
# By default one N of each; with PGW_TEST_FULL=1 every one until the task ends unharmed, and figures.
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
# shellcheck source=tests/lib/tasks.sh
. "$TOP/tests/lib/tasks.sh"
DC='"service":"pcc-192-0-2-1","datacenter":1'
PLACE='"ip":"172.16.0.1","netmask":"255.255.255.0","portgroup":"vrack"'
SYNCS_MAX=40

gone() {
	! running pgwd
}

gone_or_ended() { # gone_or_ended TASK
	gone || task_ended "$1"
}

attached() {
	grep -q attached "$WORK/strace.err"
}

# killed_at N OP MEMBERS STATE SIDE ADDRESS/OTHER-SIDE TASK-NAME OTHER-ADDRESS - returns 1 if it was not killed
killed_at() {
	local n=$1 op=$2 members=$3 state=$4 killed=yes step=
	spawn strace gw strace -f -p "${PID[pgwd]}" -o /dev/null -e trace=fdatasync,fsync \
		-e "inject=fdatasync,fsync:signal=SIGKILL:when=$n"
	wait_for 10 "strace is attached" attached
	ask api "{\"op\":\"$op\",$members}" >"$WORK/answer" 2>/dev/null || true
	task=$(jq -r '.task."task-id" // empty' "$WORK/answer" 2>/dev/null || true)
	wait_for 60 "it is killed, or the task ends" gone_or_ended "${task:-0}"
	if gone; then
		finish pgwd || true
		gateway_start "$WORK/pgw.conf"
	else
		killed=no
	fi
	stop strace
	# Killed before the task was kept: nobody was promised anything.
	if [ -z "$task" ]; then
		task=$(ask api "{\"op\":\"task-show\",\"name\":\"$7\"}" | jq -r ".items | map(select(.\"task-id\" > $last)) | .[0].\"task-id\" // empty")
		[ -n "$task" ] || task=$(task_ask "$op" "$members")
	fi
	last=$task
	[ "$killed" = no ] || step=" after $(task_figure "$task" '[.steps[] | select(.state == "done")] | length') steps"
	task_wait "$task" "done" >/dev/null
	note "ok: $op, killed at sync $n ($killed$step): task $task is done"
	holds_within 10 reached "$5" "${6%%/*}" || fail "$op $n: $5 does not reach ${6%%/*}"
	not_reached "${6##*/}" "$8" || fail "$op $n: ${6##*/} still reaches $8"
	refused "services at the former place" grep -q pgw-former <(pgw config show)
	equal "links of the check" "$(on gw ls /sys/class/net | grep -c pgw-check || true)" 0
	equal "state" "$(ask api "{\"op\":\"gateway-show\",$DC}" | jq -r .gateway.state)" "$state"
	[ "$killed" = yes ]
}

enable_at() {
	killed_at "$1" gateway-enable "$DC,$PLACE" enabled near 172.16.0.1/outside enablePrivateGateway 203.0.113.10
}

reconfigure_at() {
	killed_at "$1" gateway-reconfigure "$DC,\"ip\":\"172.16.0.3\"" enabled near 172.16.0.3/near \
		reconfigurePrivateGateway 172.16.0.1
}

disable_at() {
	killed_at "$1" gateway-disable "$DC" disabled outside 203.0.113.10/near disablePrivateGateway 172.16.0.3
}

last=0
tasks_topology
servers_start
tasks_config >"$WORK/pgw.conf"
gateway_start "$WORK/pgw.conf"
if [ -z "${PGW_TEST_FULL:-}" ]; then
	enable_at 7 || true
	reconfigure_at 7 || true
	disable_at 4 || true
else
	for ((n = 1; n < SYNCS_MAX; n++)); do
		again=
		! enable_at $n || again=yes
		! reconfigure_at $n || again=yes
		! disable_at $n || again=yes
		[ -n "$again" ] || break
	done
	note "every one of $((n - 1)) places was tried"
fi
gateway_stop
