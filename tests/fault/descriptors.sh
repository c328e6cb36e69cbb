#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# pgwd has no descriptor left: forwarding goes on, a datapath that dies meanwhile is started as soon as there are
# some again, and pgwd does not spin.
#
FAULT_REPETITIONS=${FAULT_REPETITIONS:-2} # in the second the spare descriptor is of no help
# shellcheck source=tests/fault/common.sh
. "$(dirname "$0")/common.sh"

cpu_ticks() { # of process PID, in hundredths of a second
	awk '{ print $14 + $15 }' "/proc/$1/stat"
}

lowest_free() { # lowest_free PID - the number that its next descriptor would have
	local number=0
	while [ -e "/proc/$1/fd/$number" ]; do
		number=$((number + 1))
	done
	echo $number
}

not_started() { # so often the datapath could not be started
	grep -c "datapath does not start" "$WORK/pgwd.err" || true
}

exhausted() {
	local pid=${PID[pgwd]} datapath ticks refused
	datapath=$(datapath_pid)
	prlimit --pid "$pid" --nofile="$(lowest_free "$pid"):4096"
	ticks=$(cpu_ticks "$pid")
	# A client that cannot be accepted, for as long as this takes.
	spawn client gw timeout 20 "$PGW_BIN/pgw" -r "$WORK/run" stats show
	fault_flows_again >/dev/null
	fault_flows_again >/dev/null
	ticks=$(($(cpu_ticks "$pid") - ticks))
	[ $ticks -lt 15 ] || fail "pgwd used $ticks hundredths of a second meanwhile: it spins"
	refused=$(not_started)
	kill -KILL "$datapath"
	wait_for 5 "the datapath is gone" eval "! kill -0 $datapath"
	# More often than a datapath may die of its flow table before it gets an empty one.
	wait_for 30 "it cannot be started" eval \
		'[ "$(not_started)" -gt '$((refused + 10))' ]'
	prlimit --pid "$pid" --nofile=4096:4096
	wait_for 20 "another datapath runs" other_datapath "$datapath"
	finish client || true
}

fault_world off
fault_repeat descriptors "no descriptor left for pgwd, and SIGKILL of pgw-datapath" exhausted
fault_load_end
gateway_stop
