# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# gateway.sh - the real daemons in node "gw" of topology.sh, and what they count.
#
# PGW_BIN chooses the directory of the programs; default build/bin. PGW_TEST_OFFLOAD, if set, is the
# offload mode of every portgroup that does not say one itself; PGW_TEST_IO likewise (packet, xdp).
# PGW_TEST_WORKERS is the number of the datapath's workers where a configuration says none.

PGW_BIN=${PGW_BIN:-$TOP/build/bin}

# gateway_config - the configuration that most tests use, to standard output.
gateway_config() {
	cat <<-CONFIG
	portgroup add vrack dev eth1 realm private
	portgroup add vsphere dev eth2 realm vsphere
	address add 172.16.0.1/24 portgroup vrack
	address add 10.10.0.2/24 portgroup vsphere
	pool add default external-ip-address 10.10.0.2 ports 16384-65535 mapping-type eim filtering-type edf
	nat add 10 from 0.0.0.0/0 to 10.10.0.0/24 pool default
	service add web address 172.16.0.1 protocol tcp port 80 backend 10.10.0.10:80
	service add vcenter address 172.16.0.1 protocol tcp port 443 backend 10.10.0.10:443
	service add echo address 172.16.0.1 protocol tcp port 7 backend 10.10.0.10:7
	service add echo-udp address 172.16.0.1 protocol udp port 7 backend 10.10.0.10:7
	service add esx1 address 172.16.0.11 protocol tcp port 80 backend 10.10.0.21:80
	allow add 172.16.0.0/24 description "same subnet"
	allow add 192.168.50.0/24 description "office"
	CONFIG
}

# gateway_start [FILE] - start pgwd and wait until it forwards; default gateway_config().
gateway_start() {
	[ -x "$PGW_BIN/pgwd" ] || fail "$PGW_BIN/pgwd is missing: build first (tests/run does)"
	if [ -n "${1:-}" ]; then
		[ "$1" -ef "$WORK/pgw.conf" ] || cp "$1" "$WORK/pgw.conf"
	else
		gateway_config >"$WORK/pgw.conf"
	fi
	gateway_launch
	if ! holds_within 15 gateway_said_ready; then
		fail "pgwd did not say ready within 15 s"
	fi
	if ! running pgwd; then
		fail "pgwd ended during its start"
	fi
}

# portgroups_say FILE KEYWORD VALUE - give its portgroups this, unless they say it themselves
portgroups_say() {
	[ -z "$3" ] ||
		sed -i -E "/^portgroup[[:space:]]+add /{/ $2 /!s/[[:space:]]*(#.*)?\$/ $2 $3/}" "$1"
}

# modes_chosen FILE - give its portgroups the modes of PGW_TEST_OFFLOAD and PGW_TEST_IO, and it as many
# workers as PGW_TEST_WORKERS says. A VLAN, and where there are VLANs their interface, has no AF_XDP; beside
# it the tc program has nothing to do.
modes_chosen() {
	portgroups_say "$1" offload "${PGW_TEST_OFFLOAD:-}"
	grep -qE '^portgroup.* (vlan|offload tc)( |$)' "$1" ||
		portgroups_say "$1" io "${PGW_TEST_IO:-}"
	[ -z "${PGW_TEST_WORKERS:-}" ] || grep -q '^set[[:space:]]\+workers' "$1" ||
		echo "set workers $PGW_TEST_WORKERS" >>"$1"
}

# gateway_launch [COMMAND…] - start pgwd on WORK/pgw.conf, run by COMMAND, without waiting.
gateway_launch() {
	modes_chosen "$WORK/pgw.conf"
	spawn pgwd gw "$@" "$PGW_BIN/pgwd" -c "$WORK/pgw.conf" -r "$WORK/run" -S "$WORK/state"
}

gateway_said_ready() {
	said pgwd ready || ! running pgwd
}

# gateway_start_without_bpf - start it where BPF is not permitted.
gateway_start_without_bpf() {
	gateway_launch setpriv --bounding-set -bpf,-perfmon,-sys_admin
	wait_for 15 "pgwd is ready" gateway_said_ready
}

# gateway_refused FILE [COMMAND…] - pgwd, run by COMMAND, must refuse to start on FILE; prints
# what it says.
gateway_refused() {
	local file=$1 status=0
	shift
	on gw "$@" timeout 10 "$PGW_BIN/pgwd" -c "$file" -r "$WORK/run" -S "$WORK/state" 2>&1 ||
		status=$?
	case $status in
	0 | 124) fail "pgwd: exit status $status, expected a refusal" ;;
	esac
}

# gateway_stop - end it cleanly, unless Ctrl-C already has; the test fails if its exit status is
# not 0.
gateway_stop() {
	local status=0
	kill -TERM "${PID[pgwd]}" 2>/dev/null || true
	holds_within 15 eval "! kill -0 ${PID[pgwd]}" || fail "pgwd goes on 15 s after SIGTERM"
	finish pgwd || status=$?
	equal "exit status of pgwd after SIGTERM" "$status" 0
}

# gateway_reload FILE - replace the configuration file and reload it with SIGHUP; wait for it.
gateway_reload() {
	local before
	before=$(gateway_figure revision)
	cp "$1" "$WORK/pgw.conf.new"
	modes_chosen "$WORK/pgw.conf.new"
	mv "$WORK/pgw.conf.new" "$WORK/pgw.conf"
	kill -HUP "${PID[pgwd]}"
	wait_for 10 "SIGHUP makes a new revision" gateway_revision_is_not "$before"
}

gateway_revision_is_not() {
	[ "$(gateway_figure revision)" != "$1" ]
}

pgw() { # the command line tool, on this gateway
	"$PGW_BIN/pgw" -r "$WORK/run" "$@"
}

gateway_figure() { # gateway_figure NAME - of the gateway's statistics
	pgw -j stats show | jq -r --arg name "$1" \
		'[.. | objects | select(has("flow-capacity"))][0][$name]'
}

portgroup_figure() { # portgroup_figure PORTGROUP NAME
	pgw -j stats show | jq -r --arg portgroup "$1" --arg name "$2" \
		'[.. | objects | select(.name? == $portgroup and has("rcvd-packets"))][0][$name]'
}

drops() { # drops REASON - packets dropped for it
	pgw -j stats show | jq -r --arg reason "$1" \
		'[.. | objects | select(.reason? == $reason) | .packets] | add // 0'
}

drops_at_least() { # drops_at_least REASON COUNT
	[ "$(drops "$1")" -ge "$2" ]
}

sessions() { # sessions [FILTER…] - how many there are
	pgw -j session show "$@" | jq '[.. | objects | select(has("protocol"))] | length'
}

datapath_pid() { # 0: there is none
	gateway_figure datapath-pid
}

other_datapath() { # other_datapath PID - another one runs, and pgwd knows
	local pid
	pid=$(datapath_pid 2>/dev/null) && [ "${pid:-0}" -gt 0 ] && [ "$pid" != "$1" ]
}

workers_running() { # threads of the datapath that forward: the first, and those that say so
	echo $((1 + $(grep -lx 'pgw-worker-[0-9]*' "/proc/$(datapath_pid)/task"/*/comm | wc -l)))
}

gateway_report() {
	if [ -S "$WORK/run/pgwd.sock" ]; then
		printf '\npgw stats show:\n'
		timeout 5 "$PGW_BIN/pgw" -r "$WORK/run" stats show 2>&1 | head -n 60
	fi
}
