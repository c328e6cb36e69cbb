#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# An allocation, a write or an fsync of pgwd fails in the midst of a change, under load: the change is made or
# refused, the next one is made, pgwd lives and answers, no connection is lost. Repetitions take other calls, spread over all that a
# change makes; nth_failure.sh does the same from the start of pgwd to its end, without load.
#
FAULT_REPETITIONS=${FAULT_REPETITIONS:-4}
# shellcheck source=tests/fault/common.sh
. "$(dirname "$0")/common.sh"

MANY=100000
declare -A KIND=([allocation]=1 [write]=2 [fsync]=3) CALLS=()

arm() { # arm KIND N - the Nth call from now on fails; 0: none
	/usr/bin/python3 -c 'import struct, sys
with open(sys.argv[1], "r+b", buffering=0) as file:
    file.write(struct.pack("=II", int(sys.argv[3]), int(sys.argv[2])))' "$WORK/arm" "${KIND[$1]}" "$2"
}

left() { # calls until one fails; 0: it has failed
	od -An -tu4 -N4 "$WORK/arm" | tr -d ' '
}

change() { # may be refused
	local status=0
	timeout 20 "$PGW_BIN/pgw" -r "$WORK/run" allow add 10.99.0.0/24 >"$WORK/said" 2>&1 || status=$?
	[ $status -le 2 ] || fail "pgw ended with $status"
	sed 's/^/     /' "$WORK/said"
}

take_back() {
	if pgw -j allow show 10.99.0.0/24 | jq -e 'length > 0' >/dev/null; then
		pgw allow del 10.99.0.0/24 >/dev/null
	fi
}

call_fails() { # call_fails KIND - another one each time
	arm "$1" $((1 + (turn - 1) * CALLS[$1] / FAULT_REPETITIONS))
	change
	# No two changes make the same number of calls: the last ones may not be reached.
	[ "$turn" != 1 ] || equal "calls until one fails" "$(left)" 0
	arm "$1" 0
	wait_for 20 "pgwd answers" pgw stats show
	# That which does not reach the disk is told; what else a change writes may be of no matter.
	[ "$turn" != 1 ] || [ "$1" = allocation ] || [ -s "$WORK/said" ] || fail "$1 failed, and nothing is said of it"
	take_back
	pgw allow add 10.98.0.0/24 || fail "no change is made any more after $1 $((1 + (turn - 1) * CALLS[$1] / FAULT_REPETITIONS)) had failed"
	pgw allow del 10.98.0.0/24
	fault_flows_again >/dev/null
	running pgwd || fail "pgwd has ended: $(tail -n 3 "$WORK/pgwd.err")"
}

topology_start
fault_servers
fault_config off >"$WORK/pgw.conf"
head -c 8 /dev/zero >"$WORK/arm"
spawn pgwd gw env "LD_PRELOAD=$(dirname "$PGW_BIN")/tests/libpgw_failing.so" "FAIL_ARM=$WORK/arm" \
	"$PGW_BIN/pgwd" -c "$WORK/pgw.conf" -r "$WORK/run" -S "$WORK/state"
wait_for 15 "pgwd is ready" said pgwd ready
fault_load
for kind in allocation write fsync; do
	arm $kind $MANY
	change
	CALLS[$kind]=$((MANY - $(left)))
	take_back
	at_least "calls of a change that can fail, $kind" "${CALLS[$kind]}" 1
done
for kind in allocation write fsync; do
	fault_repeat failing-$kind "$kind of pgwd fails in a change" call_fails $kind
done
fault_load_end
gateway_stop
