#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Figures over HTTP: an OpenMetrics parser accepts them, they say what happened, the dashboard and the
# document fit them, and nobody who asks keeps pgwd from its work.
#
#   far 192.168.50.10 ─ router ─ eth1 gw eth2 ─ vc 10.10.0.10
#                        127.0.0.1:9469 ┘
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
for program in ssh sshpass; do
	command -v "$program" >/dev/null || skip "$program is missing: packages of kind test"
done
topology_start
servers_start vc
ip -n "$(node gw)" link set lo up
{
	gateway_config
	echo "service add checked address 172.16.0.1 protocol tcp port 8080 backend 10.10.0.10:80 check tcp interval 0.2"
	echo "service add named address 172.16.0.1 protocol tcp port 8443 sni pcc-1.example.net backend 10.10.0.10:443"
	echo "set metrics 127.0.0.1:9469"
} >"$WORK/pgw.conf"
gateway_start "$WORK/pgw.conf"

get() { # get PATH [CURL OPTION…]
	on gw curl -sS --max-time 5 "http://127.0.0.1:9469$1" "${@:2}"
}
status_of() { # status_of PATH [CURL OPTION…]
	get "$1" -o /dev/null -w '%{http_code}' "${@:2}"
}
read_scrape() { # read_scrape COMMAND… - see openmetrics.py
	get /metrics >"$WORK/scrape"
	/usr/bin/python3 "$TOP/tests/lib/openmetrics.py" "$WORK/scrape" "$@"
}
figure_is() { # figure_is EXPECTED NAME [LABEL=VALUE…]
	[ "$(read_scrape value "${@:2}")" = "$1" ]
}
figure_beyond() { # figure_beyond MINIMUM NAME [LABEL=VALUE…]
	[ "$(read_scrape value "${@:2}")" -gt "$1" ]
}

token=$(pgw -j tunnel-gateway add dev address 10.10.0.2:4443 inside 172.16.0.1 from 172.16.0.50/32 |
	jq -r '.[0].token')
dial() { # dial NAME TOKEN - an OpenSSH client on vc that offers port 8081
	SSHPASS=$2 spawn "$1" vc sshpass -e ssh -N -F none -o StrictHostKeyChecking=no \
		-o UserKnownHostsFile=/dev/null -o PubkeyAuthentication=no -o ExitOnForwardFailure=yes \
		-o NumberOfPasswordPrompts=1 -o LogLevel=ERROR -p 4443 -R 8081:10.10.0.10:80 dev@10.10.0.2
}
dial tunnel "$token"
wait_for 20 "an endpoint" figure_is 1 pgw_endpoint_connectors stage=dev protocol=tcp port=8081

note "the text"
expect "a parser reads it" read_scrape check
contains "type" "$(get /metrics -o /dev/null -w '%{content_type}')" "application/openmetrics-text"
expect "docs/metrics.md has them all" read_scrape documented "$TOP/docs/metrics.md"
expect "the dashboard's exist" read_scrape dashboard "$TOP/docs/grafana/pgw.json"
equal "health" "$(get /healthz)" alive
equal "readiness" "$(get /readyz)" "ready, revision 2"

note "the figures"
equal "request" "$(web far http://172.16.0.1/source)" 10.10.0.2
hold_start session far 172.16.0.1 7
equal "a stranger" "$(traffic stranger tcp 172.16.0.1 443 --wait 1)" timeout
wait_for 5 "sessions" figure_beyond 0 pgw_flows
wait_for 5 "ports of the pool" figure_is 2 pgw_pool_ports_used pool=default protocol=tcp
equal "its size" "$(read_scrape value pgw_pool_ports pool=default)" 49152
expect "rule" figure_beyond 1 pgw_nat_flows_created_total rule=10
expect "drops" figure_beyond 0 pgw_dropped_packets_total reason=not-allowed
expect "portgroup" figure_beyond 10 pgw_portgroup_received_packets_total portgroup=vrack
wait_for 5 "checks" figure_beyond 1 pgw_backend_checks_passed_total service=checked backend=10.10.0.10:80
expect "backend" figure_is 1 pgw_backend_up service=checked backend=10.10.0.10:80
expect "no client's address" read_scrape without 192.168.50. 172.16.0.50 192.168.60.

note "TLS names and tunnels"
equal "by its name" "$(on far curl -sS -k -m 10 --resolve pcc-1.example.net:8443:172.16.0.1 \
	https://pcc-1.example.net:8443/source)" 10.10.0.2
refused "without its name" on far curl -sS -k -m 10 https://172.16.0.1:8443/source
wait_for 5 "relayed" figure_is 1 pgw_relay_service_connections_total service=named
wait_for 5 "and how it ended" figure_is 1 pgw_relay_ended_connections_total reason=done
wait_for 5 "no name" figure_is 1 pgw_relay_ended_connections_total reason=no-name
expect "bytes" figure_beyond 100 pgw_relay_service_sent_bytes_total service=named
equal "through the tunnel" "$(on near curl -sS -m 10 http://172.16.0.1:8081/source)" 10.10.0.10
refused "from a network that may not" on gw curl -sS -m 10 http://172.16.0.1:8081/source
wait_for 5 "of the endpoint" figure_is 1 pgw_endpoint_connections_total stage=dev protocol=tcp port=8081
wait_for 5 "bytes of the stage" figure_beyond 50 pgw_tunnel_received_bytes_total stage=dev
wait_for 5 "refused clients" figure_is 1 pgw_tunnel_refused_clients_total stage=dev
expect "connectors" figure_is 1 pgw_tunnel_connectors stage=dev
dial guesser wrong
refused "a wrong password" finish guesser
wait_for 5 "is counted" figure_is 1 pgw_tunnel_refused_connections_total reason=token
expect "no client's address" read_scrape without 192.168.50. 172.16.0.50

note "pauses of the datapath's loop"
wait_for 5 "some are counted" eval '[ "$(pgw -j stats show pauses | jq "[.[].count] | add // 0")" -gt 0 ]'
wait_for 5 "and told" figure_beyond 0 pgw_datapath_pause_seconds_bucket le=+Inf

note "what changes"
kill -KILL "$(datapath_pid)"
wait_for 10 "the restart is counted" figure_is 1 pgw_process_restarts_total process=datapath
wait_for 10 "ready again" eval '[ "$(status_of /readyz)" = 200 ]'
hold_goes_on session
equal "ports of the pool, counted anew" \
	"$(read_scrape value pgw_pool_ports_used pool=default protocol=tcp)" 2
kill -KILL "$(pgw -j stats show relay | jq .pid)"
wait_for 10 "the relay's restart is counted" figure_is 1 pgw_process_restarts_total process=relay
pgw allow add 10.99.0.0/24
expect "revision" figure_is 3 pgw_revision
refused "a change that is none" pgw allow add 10.99.0.0/24
for number in 4 5 6 7; do # however soon it is asked for, and asked for again
	read_scrape value pgw_revision >/dev/null
	pgw allow add "10.98.$number.0/24"
	expect "revision $number" figure_is "$number" pgw_revision
done
ip -n "$(node switch)" link set gw-eth2 down # the other end: nothing that pgwd could mend
wait_for 5 "link down" figure_is 0 pgw_portgroup_up portgroup=vsphere
ip -n "$(node switch)" link set gw-eth2 up
wait_for 10 "link up" figure_is 1 pgw_portgroup_up portgroup=vsphere
if [ -z "${PGW_TEST_IO:-}" ]; then
	wait_for 10 "small packets by AF_XDP" figure_is 1 pgw_portgroup_io portgroup=vsphere state=packet-xdp
	wait_for 10 "not both ways" figure_is 0 pgw_portgroup_io portgroup=vsphere state=xdp
fi

note "whoever asks for nonsense"
equal "another page" "$(status_of /other)" 404
equal "another method" "$(status_of /metrics -X DELETE)" 405
equal "a body" "$(status_of /metrics -d body)" 405
equal "HEAD" "$(status_of /metrics -I)" 200
for request in 'GET\r\n\r\n' 'GET / HTTP/9.9\r\n\r\n' '\0\1\2\3\r\n\r\n' \
	'GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n' \
	"GET /$(head -c 40000 /dev/zero | tr '\0' a) HTTP/1.1\r\n\r\n"; do
	printf '%b' "$request" >"$WORK/request"
	on gw timeout 5 bash -c 'exec 3<>/dev/tcp/127.0.0.1/9469 && cat "$1" >&3 && cat <&3' \
		bash "$WORK/request" >"$WORK/answer" 2>/dev/null || true
	refused "no success for ${request:0:20}" grep -q '^HTTP/1.1 200' "$WORK/answer"
done
spawn slow gw /usr/bin/python3 -c '
import socket, signal
held = [socket.create_connection(("127.0.0.1", 9469)) for _ in range(32)]
print("held", flush=True)
signal.pause()'
wait_for 5 "32 connections that say nothing" said slow held
expect "the control socket answers" pgw stats show
hold_goes_on session
wait_for 20 "they time out" eval '[ "$(status_of /healthz)" = 200 ]'
stop slow

note "changing where"
pgw set metrics 127.0.0.1:9470
refused "the former port" get /healthz
equal "the new port" "$(on gw curl -sS http://127.0.0.1:9470/healthz)" alive
spawn taken gw /usr/bin/python3 -c '
import socket, signal
held = socket.create_server(("127.0.0.1", 9471))
print("held", flush=True)
signal.pause()'
wait_for 5 "a port is taken" said taken held
refused "a port that is taken" pgw set metrics 127.0.0.1:9471
equal "the former goes on" "$(on gw curl -sS http://127.0.0.1:9470/healthz)" alive
pgw set metrics off
refused "off" on gw curl -sS --max-time 2 http://127.0.0.1:9470/healthz
hold_end session
gateway_stop
