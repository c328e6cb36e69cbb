#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# pgwd is killed, and another one, also of another build, takes the running pgw-relay over: relayed
# connections and tunnels live on, new ones come, changes reach it. When the relay itself dies, connectors
# find back and clients that come meanwhile are served.
#
#   far 192.168.50.10 ─ router ─┬─ gw 172.16.0.1:443 ─ by TLS name ─ vc 10.10.0.10:7
#   near 172.16.0.50 ───────────┘     172.16.0.1:8007 ◄══ ssh -R ═══ vc
#
# shellcheck source=tests/fault/common.sh
. "$(dirname "$0")/common.sh"
for program in ssh sshpass; do
	command -v "$program" >/dev/null || skip "$program is missing: packages of kind test"
done

install_programs() { # as a package manager does: new files under the old names
	local name
	for name in pgwd pgw-datapath pgw-relay pgw-log; do
		cp "$INSTALLED/$name" "$WORK/bin/$name.new"
		mv "$WORK/bin/$name.new" "$WORK/bin/$name"
	done
}
launch() {
	spawn pgwd gw "$WORK/bin/pgwd" -c "$WORK/pgw.conf" -r "$WORK/run" -S "$WORK/state"
	wait_for 15 "pgwd is ready" said pgwd ready
}
relay_pid() {
	pgw -j stats show relay | jq .pid
}
endpoint_is_open() {
	[ "$(pgw -j endpoint show | jq -r '.[0].state')" = open ]
}
goes_on() { # all that is held, and whoever comes
	hold_goes_on named
	hold_goes_on tunnelled
	hold_start newcomer far 172.16.0.1 443 --hello echo.example.net
	hold_end newcomer
	hold_start newcomer near 172.16.0.1 8007
	hold_end newcomer
}

topology_start
servers_start vc
INSTALLED=$PGW_BIN
mkdir "$WORK/bin"
chmod 0755 "$WORK" "$WORK/bin"
install_programs
{
	gateway_config
	echo "service add echo-name address 172.16.0.1 protocol tcp port 443 sni echo.example.net backend 10.10.0.10:7"
} | grep -v "^service add vcenter" >"$WORK/pgw.conf"
launch
token=$(pgw -j tunnel-gateway add dev address 10.10.0.2:4443 inside 172.16.0.1 from 172.16.0.0/24 |
	jq -r '.[0].token')
pgw config save
spawn connector vc bash -c 'while :; do SSHPASS=$0 sshpass -e ssh -N -F none -o StrictHostKeyChecking=no \
	-o UserKnownHostsFile=/dev/null -o PubkeyAuthentication=no -o ExitOnForwardFailure=yes -o LogLevel=ERROR \
	-p 4443 -R 8007:10.10.0.10:7 dev@10.10.0.2; done' "$token"
wait_for 20 "the endpoint is open" endpoint_is_open
hold_start named far 172.16.0.1 443 --hello echo.example.net
hold_start tunnelled near 172.16.0.1 8007
relay=$(relay_pid)

note "the same build"
stop pgwd KILL
hold_goes_on named # also while there is no pgwd
hold_goes_on tunnelled
launch
expect "it says so" grep -q "adopted running pgw-relay pid $relay \[" "$WORK/pgwd.err"
equal "the relay's pid" "$(relay_pid)" "$relay"
goes_on
pgw allow add 10.99.0.0/24
pgw config save
goes_on

note "another build"
stop pgwd KILL
install_programs
launch
expect "it says so" grep -q "adopted running pgw-relay pid $relay, which is of another build" "$WORK/pgwd.err"
equal "the relay's pid" "$(relay_pid)" "$relay"
goes_on

note "connections that were there before are listed"
relayed_is_one() {
	[ "$(pgw -j relay show | jq '[.[] | select(.name == "echo.example.net" and .state == "relaying")] | length')" = 1 ]
}
tunnelled_is_one() {
	[ "$(pgw -j endpoint show | jq '.[0].connections')" = 1 ]
}
wait_for 10 "the relayed one" relayed_is_one
wait_for 10 "the tunnelled one" tunnelled_is_one

note "the relay dies: its connections end, all comes back unaided"
kill -KILL "$relay"
finish named || true
finish tunnelled || true
hold_start named far 172.16.0.1 443 --hello echo.example.net
wait_for 30 "the connector is back" endpoint_is_open
hold_start tunnelled near 172.16.0.1 8007
refused "the same pid" test "$(relay_pid)" = "$relay"
hold_end named
hold_end tunnelled
gateway_stop
