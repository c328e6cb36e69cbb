#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Other programs are installed in place of those that run: by a restart of the service, and by a new pgwd
# beside a datapath of the former build. Sessions go on, and everything that runs is new. A table of another
# layout is not used, and that is said.
#
#   far 192.168.50.10 ─ router ─ gw: service manager: pgwd: pgw-datapath ─ vc 10.10.0.10
#
# shellcheck source=tests/fault/common.sh
. "$(dirname "$0")/common.sh"

install_programs() { # as a package manager does: new files under the old names
	local name
	for name in pgwd pgw-datapath pgw-log; do
		cp "$INSTALLED/$name" "$WORK/bin/$name.new"
		mv "$WORK/bin/$name.new" "$WORK/bin/$name"
	done
}

runs_installed() { # runs_installed PID NAME - it runs the file that is there now
	[ "/proc/$1/exe" -ef "$WORK/bin/$2" ]
}

topology_start
servers_start vc
INSTALLED=$PGW_BIN
mkdir "$WORK/bin"
chmod 0755 "$WORK" "$WORK/bin"
install_programs
gateway_config | sed '/^portgroup add/s/$/ offload off/' >"$WORK/pgw.conf"

note "a restart of the service"
spawn manager gw /usr/bin/python3 "$TOP/tests/fault/service_manager.py" \
	"$WORK/bin/pgwd" -c "$WORK/pgw.conf" -r "$WORK/run" -S "$WORK/state"
wait_for 15 "pgwd is ready" said manager "started 1"
hold_start session far 172.16.0.1 7
install_programs
refused "pgwd is of the former build" runs_installed "$(managed_pid)" pgwd
kill -USR1 "${PID[manager]}"
wait_for 15 "pgwd is ready again" said manager "started 2"
expect "pgwd is new" runs_installed "$(managed_pid)" pgwd
expect "the datapath is new" runs_installed "$(datapath_pid)" pgw-datapath
hold_goes_on session

note "a table of another layout"
kill -USR2 "${PID[manager]}"
wait_for 15 "pgwd is ready once more" said manager "started 3"
expect "it says so" grep -q "kept by the service manager: flow table: a flow table of another layout version" \
	"$WORK/manager.err"
equal "sessions" "$(sessions protocol tcp internal-dst-port 7)" 0
equal "new requests" "$(web far http://172.16.0.1/source)" 10.10.0.2
contains "pgwd says which layout it has" "$("$WORK/bin/pgwd" -V)" "flow table layout "
stop session
stop manager

note "a new pgwd, a datapath of the former build"
spawn pgwd gw "$WORK/bin/pgwd" -c "$WORK/pgw.conf" -r "$WORK/run" -S "$WORK/state"
wait_for 15 "pgwd is ready" said pgwd ready
hold_start session far 172.16.0.1 7
datapath=$(datapath_pid)
stop pgwd KILL
install_programs
spawn pgwd gw "$WORK/bin/pgwd" -c "$WORK/pgw.conf" -r "$WORK/run" -S "$WORK/state"
wait_for 15 "pgwd is ready" said pgwd ready
expect "it says so" grep -q "running datapath pid $datapath is of another build: it is replaced, its sessions go on" \
	"$WORK/pgwd.err"
expect "the datapath is new" runs_installed "$(datapath_pid)" pgw-datapath
hold_goes_on session
hold_end session
gateway_stop
