# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# tasks.sh - a gateway with datacenters between the Internet, the vRack and vSphere, and tasks.
#
#   outside 203.0.113.50 ─── inet ── eth0 ┐
#                                         gw ── eth2 ── vsphere ── vc 10.10.0.10, esx1 10.10.0.21
#   near 172.16.0.50 ─────── vRack ─ eth1 ┘
#
# To be read after test.sh, before topology_start().

# shellcheck disable=SC2034 # topology.sh reads it
TOPOLOGY_NODES="far stranger router near outside switch gw vc esx1"

# tasks_topology - topology_start(), and the Internet
tasks_topology() {
	topology_start
	ip -n "$(node switch)" link add inet up type bridge mcast_snooping 0
	plug gw eth0 inet
	plug outside eth0 inet
	ip -n "$(node outside)" addr add 203.0.113.50/24 dev eth0
	# Whoever knows the private address may send to it: that must not help.
	ip -n "$(node outside)" route add 172.16.0.0/24 via 203.0.113.2
}

tasks_config() {
	cat <<-CONFIG
	portgroup add inet dev eth0 realm internet
	portgroup add vrack dev eth1 realm private
	portgroup add vsphere dev eth2 realm vsphere
	address add 203.0.113.2/24 portgroup inet
	address add 10.10.0.2/24 portgroup vsphere
	pool add default external-ip-address 10.10.0.2 ports 16384-65535
	nat add 10 from any to 10.10.0.0/24 pool default
	datacenter add 1 service-name pcc-192-0-2-1 name dc1
	datacenter add 2 service-name pcc-192-0-2-1 name dc2
	service add web address 203.0.113.10 protocol tcp port 80 backend 10.10.0.10:80 datacenter 1 host-name pcc-192-0-2-1.example.com,nsx.pcc-192-0-2-1.example.com
	service add echo address 203.0.113.10 protocol tcp port 7 backend 10.10.0.10:7 datacenter 1
	service add esx1 address 203.0.113.11 protocol tcp port 80 backend 10.10.0.21:80 datacenter 1 private-address 172.16.0.11 host-name esx1.example.com
	allow add 203.0.113.0/24 description "the Internet"
	server add ns1.example.net portgroup vrack
	CONFIG
}

# ask SOCKET JSON - a request to WORK/run/SOCKET.sock, its answer to standard output
ask() {
	/usr/bin/python3 - "$WORK/run/$1.sock" "$2" <<-'PYTHON'
	import socket, sys
	s = socket.socket(socket.AF_UNIX)
	s.settimeout(20)
	s.connect(sys.argv[1])
	s.sendall(sys.argv[2].encode() + b"\n")
	answer = b""
	while not answer.endswith(b"\n"):
	    part = s.recv(1 << 20)
	    if not part:
	        break
	    answer += part
	sys.stdout.write(answer.decode())
	PYTHON
}

# task_ask OP MEMBERS - ask, and print the id of the task
task_ask() {
	local answer
	answer=$(ask api "{\"op\":\"$1\",$2}")
	jq -er '.task."task-id"' <<<"$answer" || fail "$1: $answer"
}

task_figure() { # task_figure ID JQ
	ask api "{\"op\":\"task-show\",\"id\":$1}" | jq -r ".items[0] | $2"
}

task_ended() { # task_ended ID
	case $(task_figure "$1" .state) in
	done | error | canceled) return 0 ;;
	*) return 1 ;;
	esac
}

# task_wait ID STATE - until it has ended, and so
task_wait() {
	wait_for 40 "task $1 ends" task_ended "$1"
	[ "$(task_figure "$1" .state)" = "$2" ] ||
		fail "task $1 is not $2: $(ask api "{\"op\":\"task-show\",\"id\":$1}")"
	note "ok: task $1 is $2: $(task_figure "$1" '[.steps[] | .name + " (" + .text + ")"] | join(", ")')"
}

gateway_is() { # gateway_is STATE IP - what the API says of datacenter 1
	equal "the private gateway" "$(ask api '{"op":"gateway-show","service":"pcc-192-0-2-1","datacenter":1}' |
		jq -r '.gateway.state + " " + (."gateway"."customer-ip" // "null")')" "$1 $2"
}

reached() { # reached NODE ADDRESS - the web server behind it answers
	[ "$(on "$1" curl -sS -m 2 "http://$2/source" 2>&1)" = 10.10.0.2 ]
}

not_reached() {
	! on "$1" curl -sS -m 0.5 "http://$2/source" >/dev/null 2>&1
}
