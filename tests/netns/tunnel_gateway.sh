#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A secure gateway, whole: added, token and address shown once, an OpenSSH client dials in, its port is
# reached inside by those who may, tokens change, pgw-relay and pgwd die, the operator ends a tunnel.
#
#   far 192.168.50.10 ─ router ─┬─ gw 172.16.0.1:4443 ◄── esx1: ssh -R 8081:…:80, through 10.10.0.2
#   near 172.16.0.50 ───────────┘   └ 172.16.0.1:8081
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
for program in ssh sshpass; do
	command -v "$program" >/dev/null || skip "$program is missing: packages of kind test"
done
topology_start
servers_start vc
servers_start esx1
gateway_start

dial() { # dial NAME TOKEN FORWARD… - an OpenSSH client on esx1
	local name=$1 token=$2
	shift 2
	SSHPASS=$token spawn "$name" esx1 sshpass -e ssh -N -F none -o StrictHostKeyChecking=no \
		-o UserKnownHostsFile=/dev/null -o PubkeyAuthentication=no -o ExitOnForwardFailure=yes \
		-o LogLevel=ERROR -p 4443 "${@/#/-R}" dev@10.10.0.2
}

endpoints() { # endpoints N - so many are open
	[ "$(pgw -j endpoint show | jq '[.[] | select(.state == "open")] | length')" = "$1" ]
}

ended_badly() { # ended_badly NAME - not in a subshell, whose child it is not
	! running "$1" && ! finish "$1"
}

tunnels() { # tunnels N
	[ "$(pgw -j tunnel show | jq length)" = "$1" ]
}

get() { # get NODE - a page through the tunnel
	on "$1" curl -sS -m 5 http://172.16.0.1:8081/source
}

added=$(pgw -j tunnel-gateway add dev address 10.10.0.2:4443 inside 172.16.0.1 from 172.16.0.0/24)
token=$(jq -r '.[0].token' <<<"$added")
equal "bytes of the token" "${#token}" 43
contains "the address" "$(jq -r '.[0].address' <<<"$added")" "http://10.10.0.2:4443/sg_"
equal "the token is shown once" "$(pgw -j tunnel-gateway show | jq -r '.[0].token')" null
refused "and is nowhere in the state" grep -r -a -q -F -- "$token" "$WORK/state"

dial first "$token" 8081:10.10.0.21:80
wait_for 15 "the endpoint is open" endpoints 1
expect "a client of an allowed network" get near
refused "a client of another network" get stranger
equal "tunnels of the stage" "$(pgw -j tunnel-gateway show | jq '.[0].tunnels')" 1
contains "the gateway itself" "$(pgw tunnel show)" 8081

taken() { # taken PORT - a service there
	pgw service add taken address 172.16.0.1 protocol tcp port "$1" backend 10.10.0.10:80
}
refused "a service where the endpoint listens" taken 8081
contains "it is said why" "$(taken 8081 2>&1 || true)" "172.16.0.1:8081 is in use, by an endpoint of tunnel gateway \"dev\""
expect "the endpoint goes on" get near
expect "a service elsewhere" taken 8087
pgw service del taken

dial service "$token" 80:10.10.0.21:80
wait_for 15 "a port of a service is refused" ended_badly service
spawn server gw /usr/bin/python3 -m http.server 8090 --bind 0.0.0.0
wait_for 15 "the gateway's host listens" on gw curl -s -o /dev/null -m 2 http://127.0.0.1:8090/
dial itself "$token" 8090:10.10.0.21:80
wait_for 15 "and that port is refused" ended_badly itself
endpoints 1 || fail "another endpoint is open than the first one"
stop server

fresh=$(pgw -j tunnel-gateway refresh dev | jq -r '.[0].token')
expect "the tunnel lives on with a new token" get near
old_is_refused() { # within the moment in which pgw-relay is told
	dial old "$token" 8082:10.10.0.21:80
	! finish old
}
wait_for 15 "the old token is refused" old_is_refused
stop first
wait_for 15 "it is gone" tunnels 0
dial first "$fresh" 8081:10.10.0.21:80
wait_for 30 "the new token is taken" endpoints 1

pgw tunnel kick "$(pgw -j tunnel show | jq '.[0].id')"
wait_for 15 "it was ended" tunnels 0
finish first || true

dial first "$fresh" 8081:10.10.0.21:80
wait_for 30 "it is back" endpoints 1
stop pgwd KILL
dial meanwhile "$fresh" 8083:10.10.0.21:80
gateway_launch
wait_for 15 "pgwd is back" gateway_said_ready
expect "the tunnel outlived pgwd" get near
wait_for 15 "what was asked for meanwhile is open" endpoints 2
stop meanwhile
wait_for 15 "the new pgwd sees the tunnel" tunnels 1

relay=$(sed -n 's/.*adopted running pgw-relay pid \([0-9]*\).*/\1/p' "$WORK/pgwd.err")
kill -KILL "$relay"
wait_for 15 "its tunnels end with pgw-relay" ended_badly first
dial first "$fresh" 8081:10.10.0.21:80 # waits in the listening socket, if it has to
wait_for 30 "the next one lets connectors in" endpoints 1
expect "and it serves" get near

pgw tunnel-gateway deactivate dev >"$WORK/deactivated"
wait_for 15 "deactivated: no tunnel is left" tunnels 0
finish first || true
pgw tunnel-gateway activate dev >"$WORK/activated"
refused "the token is not shown again" grep -F -- "$fresh" "$WORK/activated"
again() {
	running first || dial first "$fresh" 8081:10.10.0.21:80
	endpoints 1
}
wait_for 30 "the same token again" again
expect "and it serves" get near
pgw tunnel-gateway del dev
wait_for 15 "removed: nothing listens" eval "! on esx1 curl -s -m 2 http://10.10.0.2:4443/health"
