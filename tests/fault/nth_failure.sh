#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The nth allocation, write and fsync of pgwd fails, from its start over a change to its end, and the nth allocation of
# pgw: an error that says so, or nothing; never a crash, a hang, or something left in the kernel that the
# next start does not take away.
#
# Every day a sample of n, spread over all. FAULT_EVERY=K takes each K-th of them (hours); then FAULT_FROM=N and
# FAULT_TO=N are the first and the last of pgwd, and FAULT_KINDS=alloc|write|fsync|pgw (several: "write fsync") is what
# fails, so that the work can be divided.
#
# shellcheck source=tests/fault/common.sh
. "$(dirname "$0")/common.sh"

FAULT_FROM=${FAULT_FROM:-1}
FAULT_KINDS=${FAULT_KINDS:-alloc write fsync pgw}
FAILING=$(dirname "$PGW_BIN")/tests/libpgw_failing.so

kernel_state() {
	on gw ip -o -4 addr
	on gw ip -o link | sed 's/^[0-9]*: //; s/qlen.*//'
	on gw ip route
	on gw nft list ruleset
}

under() { # under KIND N COMMAND… - run it with its Nth call failing
	env LD_PRELOAD="$FAILING" FAIL_KIND="$1" FAIL_NTH="$2" FAIL_REPORT="$WORK/report" "${@:3}"
}

launch() { # launch KIND N - pgwd
	rm -f "$WORK/report"
	spawn pgwd gw env LD_PRELOAD="$FAILING" FAIL_KIND="$1" FAIL_NTH="$2" FAIL_REPORT="$WORK/report" \
		"$PGW_BIN/pgwd" -c "$WORK/pgw.conf" -r "$WORK/run" -S "$WORK/state"
	holds_within 20 gateway_said_ready || fail "$1 $2: pgwd neither starts nor ends"
}

not_by_signal() { # not_by_signal WHAT STATUS
	[ "$2" -lt 128 ] || fail "$1: ended by signal $(($2 - 128))"
}

change() { # what may be refused
	timeout 10 "$PGW_BIN/pgw" -r "$WORK/run" allow add 10.99.0.0/24 >>"$WORK/said" 2>&1 || not_by_signal "pgw" $?
	timeout 10 "$PGW_BIN/pgw" -r "$WORK/run" config save >>"$WORK/said" 2>&1 || not_by_signal "pgw" $?
	timeout 10 "$PGW_BIN/pgw" -r "$WORK/run" stats show >>"$WORK/said" 2>&1 || not_by_signal "pgw" $?
}

once() { # once KIND N
	local status=0
	launch "$1" "$2"
	if running pgwd; then
		change
		kill -TERM "${PID[pgwd]}" 2>/dev/null || true
		holds_within 20 eval "! kill -0 ${PID[pgwd]}" || fail "$1 $2: pgwd does not end"
	fi
	finish pgwd || status=$?
	not_by_signal "$1 $2: pgwd, $(tail -n 2 "$WORK/pgwd.err")" $status
	[ $status = 0 ] || [ -s "$WORK/pgwd.err" ] || fail "$1 $2: pgwd ended with $status and said nothing"
	expect "the file is whole" "$PGW_BIN/pgw" config check "$WORK/pgw.conf" >/dev/null
	if [ "$(kernel_state)" != "$(<"$WORK/before")" ]; then
		gateway_start "$WORK/pgw.conf"
		gateway_stop >/dev/null
		[ "$(kernel_state)" = "$(<"$WORK/before")" ] ||
			fail "$1 $2: what it left is not taken away: $(diff <(kernel_state) "$WORK/before")"
	fi
	equal "processes left" "$(ip netns pids "$(node gw)" | wc -l)" 0 >/dev/null
}

# numbers ALL SAMPLE - each FAULT_EVERY-th n, or SAMPLE of them, the first ones among them
numbers() {
	local i
	if [ -n "${FAULT_EVERY:-}" ] || [ "$1" -le "$2" ]; then
		seq "$(($1 > FAULT_FROM ? FAULT_FROM : 1))" "${FAULT_EVERY:-1}" "$((${FAULT_TO:-$1} < $1 ? FAULT_TO : $1))"
		return
	fi
	for ((i = 0; i < $2; i++)); do
		echo $((1 + i * ($1 - 1) / ($2 - 1)))
	done
}

topology_start
gateway_config >"$WORK/pgw.conf"
kernel_state >"$WORK/before"
for sample in "alloc 12" "write 8" "fsync 4"; do
	read -r kind count <<<"$sample"
	[[ " $FAULT_KINDS " = *" $kind "* ]] || continue
	once "$kind" 0
	all=$(<"$WORK/report")
	tried=0
	for n in $(numbers "$all" "$count"); do
		once "$kind" "$n"
		tried=$((tried + 1))
	done
	note "ok: pgwd: $tried of $all calls failed, one after the other: $kind"
	at_least "calls that can fail" "$all" 1
done

[[ " $FAULT_KINDS " = *" pgw "* ]] || exit 0
gateway_start "$WORK/pgw.conf"
for arguments in "session show" "-j stats show" "config show" "allow add 10.98.0.0/24" "allow del 10.98.0.0/24"; do
	read -ra words <<<"$arguments"
	under alloc 0 "$PGW_BIN/pgw" -r "$WORK/run" "${words[@]}" >/dev/null 2>&1 || true
	all=$(<"$WORK/report")
	tried=0
	for n in $(numbers "$all" 25); do
		status=0
		timeout 20 env LD_PRELOAD="$FAILING" FAIL_KIND=alloc FAIL_NTH="$n" \
			"$PGW_BIN/pgw" -r "$WORK/run" "${words[@]}" >"$WORK/out" 2>"$WORK/err" || status=$?
		[ $status -le 2 ] || fail "pgw $arguments: allocation $n: status $status, $(tail -n 1 "$WORK/err")"
		[ $status = 0 ] || [ -s "$WORK/err" ] || fail "pgw $arguments: allocation $n: status $status, and nothing said"
		tried=$((tried + 1))
	done
	note "ok: pgw $arguments: $tried of $all allocations failed"
done
gateway_stop
