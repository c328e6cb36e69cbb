# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# common.sh - load on a gateway while something breaks, and what it noticed. Included by tests here.
#
#   far 192.168.50.10 ─ router ─ gw ─ vc 10.10.0.10
#   FAULT_CONNECTIONS idle connections, a flow of FAULT_RATE datagrams a second, iperf3
#
# Every day only what must hold is judged: no connection is lost, and the gateway recovers unaided. With
# FAULT_FIGURES=FILE each repetition measures twice, once while nothing happens, so that the noise of the
# machine is known, and rows for docs/reliability.md are added to FILE (see run).

# shellcheck source=tests/lib/test.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/test.sh"

FAULT_REPETITIONS=${FAULT_REPETITIONS:-1}
FAULT_CONNECTIONS=${FAULT_CONNECTIONS:-1000}
FAULT_RATE=${FAULT_RATE:-500}        # datagrams a second
FAULT_BITRATE=${FAULT_BITRATE:-200M} # of iperf3
FAULT_ANSWERS=100                    # datagrams that show that all is well

fault_config() { # fault_config OFFLOAD
	gateway_config | sed "/^portgroup add/s/\$/ offload $1/"
	cat <<-CONFIG
	service add load address 172.16.0.1 protocol tcp port 5555 backend 10.10.0.10:5555
	service add load-udp address 172.16.0.1 protocol udp port 5555 backend 10.10.0.10:5555
	service add iperf address 172.16.0.1 protocol tcp port 5201 backend 10.10.0.10:5201
	CONFIG
}

fault_servers() {
	spawn load-server vc /usr/bin/python3 "$TOP/tests/fault/load.py" serve 10.10.0.10 5555
	spawn iperf-server vc iperf3 -s -1 -B 10.10.0.10
	wait_for 10 "the load's server listens" said load-server ready
	wait_for 10 "iperf3 listens" eval 'on vc ss -Hltn | grep -q :5201'
}

fault_load() { # start the load and wait until all of it runs
	mkfifo "$WORK/commands"
	exec {FAULT_COMMANDS}<>"$WORK/commands"
	spawn load far /usr/bin/python3 "$TOP/tests/fault/load.py" hold 172.16.0.1 5555 \
		"$FAULT_CONNECTIONS" "$FAULT_RATE" "$WORK/commands"
	wait_for 30 "$FAULT_CONNECTIONS connections" said load ready
	spawn iperf far iperf3 -c 172.16.0.1 -t 3600 -b "$FAULT_BITRATE" -i 0 --json
	wait_for 10 "iperf3's data connection" eval \
		'[ "$(on vc ss -Htn state established "( sport = :5201 )" | wc -l)" -ge 2 ]'
}

fault_answered() {
	[ "$(wc -l <"$WORK/load.out")" -gt "$1" ]
}

# fault_ask COMMAND… - have the load do it; prints its answer
fault_ask() {
	local lines
	running load || fail "the load has ended: $(tail -n 3 "$WORK/load.err")"
	lines=$(wc -l <"$WORK/load.out")
	echo "$*" >&"$FAULT_COMMANDS"
	wait_for 30 "the load answers to \"$*\"" fault_answered "$lines"
	tail -n 1 "$WORK/load.out"
}

fault_flows_again() { # datagrams are answered again
	equal "datagrams" "$(fault_ask answers $FAULT_ANSWERS)" "answers $FAULT_ANSWERS"
}

fault_iperf_acked() { # bytes of iperf3 that have been acknowledged
	on far ss -Htin dport = :5201 | grep -o 'bytes_acked:[0-9]*' | sort -t : -k 2 -n | tail -n 1 | cut -d : -f 2
}

fault_iperf_beyond() {
	[ "$(fault_iperf_acked)" -gt "$1" ]
}

# fault_calm - measure while nothing happens; sets calm_ms
fault_calm() {
	local lost sent
	fault_ask mark >/dev/null
	fault_flows_again >/dev/null
	read -r _ calm_ms lost sent <<<"$(fault_ask gap)"
	: "$lost" "$sent"
}

# fault_once NAME COMMAND… - a repetition, the $turn-th: COMMAND breaks something and waits for its recovery; it may set
# control_ms, after which pgw answered again
fault_once() {
	local name=$1 calm_ms gap_ms lost sent alive
	shift
	control_ms=-
	calm_ms=-
	[ -z "${FAULT_FIGURES:-}" ] || fault_calm
	fault_ask mark >/dev/null
	"$@"
	fault_flows_again >/dev/null
	read -r _ gap_ms lost sent <<<"$(fault_ask gap)"
	read -r _ alive <<<"$(fault_ask check)"
	note "$name, $turn of $FAULT_REPETITIONS: silence of $gap_ms ms (calm: $calm_ms), $lost of $sent datagrams lost, control after $control_ms ms, $alive connections alive"
	equal "connections alive" "$alive" "$FAULT_CONNECTIONS"
	running iperf || fail "iperf3 has ended: $(tail -n 20 "$WORK/iperf.out")"
	# a sender whose every attempt falls into one of these silences waits longer each time
	wait_for 90 "iperf3 goes on" fault_iperf_beyond "$(fault_iperf_acked)"
	echo "$calm_ms $gap_ms $control_ms $lost $sent $((FAULT_CONNECTIONS - alive))" >>"$WORK/rows-$name"
}

# fault_repeat NAME TEXT COMMAND… - FAULT_REPETITIONS times, if FAULT_ROWS (a regular expression) matches NAME; TEXT is the row's name in the document
fault_repeat() {
	local name=$1 text=$2 turn packets begin
	shift 2
	[[ $name =~ ${FAULT_ROWS:-.} ]] || return 0
	packets=$(portgroup_figure vrack rcvd-packets)
	begin=${EPOCHREALTIME/[.,]/}
	for ((turn = 1; turn <= FAULT_REPETITIONS; turn++)); do
		fault_once "$name" "$@"
	done
	packets=$(($(portgroup_figure vrack rcvd-packets) - packets))
	[ -z "${FAULT_FIGURES:-}" ] ||
		/usr/bin/python3 "$TOP/tests/fault/figures.py" "$text" $((FAULT_CONNECTIONS + 3)) \
			"$packets" $((${EPOCHREALTIME/[.,]/} - begin)) <"$WORK/rows-$name" >>"$FAULT_FIGURES"
}

fault_load_end() { # all of it goes away; iperf3 must have gone on until now
	stop load
	stop iperf INT
	stop iperf-server
	stop load-server
	rm -f "$WORK/commands"
	exec {FAULT_COMMANDS}>&-
}

# --- the service manager's part ------------------------------------------------------------------

# managed_start [OPTION…] - pgwd under service_manager.py, on WORK/pgw.conf
managed_start() {
	spawn manager gw /usr/bin/python3 "$TOP/tests/fault/service_manager.py" "$@" \
		"$PGW_BIN/pgwd" -c "$WORK/pgw.conf" -r "$WORK/run" -S "$WORK/state"
	wait_for 15 "pgwd is ready" said manager "started 1"
}

managed_pid() { # of pgwd
	sed -n 's/^[^0-9]*\([0-9]\+\).*/\1/p' "$WORK/run/pgwd.lock"
}

control_asked() { # from now on pgwd is asked again and again; control_back() ends it
	spawn asking gw /usr/bin/python3 "$TOP/tests/fault/asking.py" "$WORK/run/pgwd.sock"
	wait_for 10 "pgwd is asked" said asking ready
}

answered_since() { # answered_since MICROSECONDS - sets answered_us; the question was asked after that, too
	answered_us=$(awk -v since="$1" '$1 + 0 > since { print $2; exit }' "$WORK/asking.out")
	[ -n "$answered_us" ]
}

# control_back BEGIN - wait until pgwd answers; sets control_ms, from BEGIN (microseconds) on
control_back() {
	wait_for 20 "pgwd answers" answered_since "$1"
	control_ms=$(((answered_us - $1) / 1000))
	stop asking
}

# fault_world OFFLOAD [STATEMENT…] - topology, servers, gateway, load
fault_world() {
	topology_start
	fault_servers
	fault_config "$1" >"$WORK/pgw.conf"
	printf '%s\n' "${@:2}" >>"$WORK/pgw.conf"
	gateway_start "$WORK/pgw.conf"
	fault_load
}
