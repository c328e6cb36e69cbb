# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# topology.sh - the world around a gateway, in network namespaces.
#
#   far 192.168.50.10 ────────┐
#                           router ── 172.16.0.254 ─┐
#   stranger 192.168.60.10 ───┘                     │                               ┌─ vc   10.10.0.10
#                                                 vRack ── eth1 gw eth2 ── vsphere ─┤
#   near 172.16.0.50 ───────────────────────────────┘                               └─ esx1 10.10.0.21
#
# Nodes are namespaces; both networks are bridges in one more, "switch". The gateway's addresses
# (172.16.0.1, 10.10.0.2) are left for pgwd to program. The gateway has no route to the clients
# behind the router, and vc and esx1 have none to anybody: an answer that arrives shows that
# last hop, respectively source NAT, did their work. Offloads are the kernel's defaults.
#
# Names begin with a prefix of this process, so that several topologies live side by side.
# Everything, processes included, goes away on exit, see topology_exit().

TOPOLOGY_NODES="far stranger router near switch gw vc esx1"
TOPOLOGY_PREFIX=${TOPOLOGY_PREFIX:-pgw$$}
WORK= # directory of this run's files
declare -A PID=() # of what spawn() started, by name

node() { # node NAME - its namespace
	printf '%s-%s' "$TOPOLOGY_PREFIX" "$1"
}

on() { # on NODE COMMAND… - run there
	local namespace=$TOPOLOGY_PREFIX-$1
	shift
	ip netns exec "$namespace" "$@"
}

# spawn NAME NODE COMMAND… - start in the background; output in WORK/NAME.out and NAME.err.
spawn() {
	local name=$1 namespace=$TOPOLOGY_PREFIX-$2
	shift 2
	: >"$WORK/$name.out" # here, or said() could still hear a predecessor of that name
	ip netns exec "$namespace" "$@" >"$WORK/$name.out" 2>"$WORK/$name.err" </dev/null &
	PID[$name]=$!
}

running() { # running NAME - is it still there?
	[ -n "${PID[$1]:-}" ] && kill -0 "${PID[$1]}" 2>/dev/null
}

# finish NAME - wait for its end. Return: its exit status.
finish() {
	local pid=${PID[$1]}
	unset "PID[$1]"
	wait "$pid"
}

# stop NAME [SIGNAL] - end it and wait; it may have ended already.
stop() {
	kill "-${2:-TERM}" "${PID[$1]}" 2>/dev/null || true
	finish "$1" 2>/dev/null || true
}

said() { # said NAME TEXT - has it printed a line that begins so?
	grep -q "^$2" "$WORK/$1.out"
}

# cable NODE DEVICE PEER-NODE PEER-DEVICE
cable() {
	ip -n "$(node "$1")" link add "$2" type veth peer name "$4" netns "$(node "$3")"
	ip -n "$(node "$3")" link set "$4" up
	ip -n "$(node "$1")" link set "$2" up
}

# plug NODE DEVICE BRIDGE - a cable to a bridge of the switch
plug() {
	cable "$1" "$2" switch "$1-$2"
	ip -n "$(node switch)" link set "$1-$2" master "$3"
}

topology_nodes() {
	local name namespace
	for name in $TOPOLOGY_NODES; do
		namespace=$(node "$name")
		ip netns add "$namespace"
		# Router discovery would only blur what the counters say.
		ip netns exec "$namespace" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 \
			net.ipv6.conf.default.disable_ipv6=1
		ip -n "$namespace" link set lo up
	done
}

topology_addresses() {
	ip -n "$(node far)" addr add 192.168.50.10/24 dev eth0
	ip -n "$(node far)" route add default via 192.168.50.1
	ip -n "$(node stranger)" addr add 192.168.60.10/24 dev eth0
	ip -n "$(node stranger)" route add default via 192.168.60.1
	ip -n "$(node router)" addr add 192.168.50.1/24 dev far
	ip -n "$(node router)" addr add 192.168.60.1/24 dev stranger
	ip -n "$(node router)" addr add 172.16.0.254/24 dev vrack
	ip -n "$(node router)" route add 10.10.0.0/24 via 172.16.0.1
	on router sysctl -qw net.ipv4.ip_forward=1
	ip -n "$(node near)" addr add 172.16.0.50/24 dev eth0
	ip -n "$(node near)" route add 10.10.0.0/24 via 172.16.0.1
	ip -n "$(node near)" route add 192.168.0.0/16 via 172.16.0.254
	ip -n "$(node vc)" addr add 10.10.0.10/24 dev eth0
	ip -n "$(node esx1)" addr add 10.10.0.21/24 dev eth0
}

# topology_start - make it, and have it removed on exit.
topology_start() {
	WORK=$(mktemp -d "${TMPDIR:-/tmp}/$TOPOLOGY_PREFIX.XXXXXX")
	trap topology_exit EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	topology_nodes
	# Snooping and netfilter on bridges would drop absurd packets before the gateway sees them.
	on switch sysctl -qe -w net.bridge.bridge-nf-call-iptables=0
	ip -n "$(node switch)" link add vrack up type bridge mcast_snooping 0
	ip -n "$(node switch)" link add vsphere up type bridge mcast_snooping 0
	cable far eth0 router far
	cable stranger eth0 router stranger
	plug router vrack vrack
	plug near eth0 vrack
	plug gw eth1 vrack
	plug gw eth2 vsphere
	plug vc eth0 vsphere
	plug esx1 eth0 vsphere
	topology_addresses
	[ "${PGW_TEST_OFFLOAD:-}" != xdp ] || topology_for_xdp
}

# topology_for_xdp - cables as XDP needs them: far ends that take its frames (GRO gives a veth the
# queue for that), hosts that fill in their checksums as a network card has it done
topology_for_xdp() {
	local node
	for node in gw-eth1 gw-eth2; do
		on switch ethtool -K $node gro on >/dev/null
	done
	for node in far near stranger vc esx1; do
		on $node ethtool -K eth0 tx off >/dev/null
	done
}

# servers_start [NODE…] - start server.py on vc and esx1, or on these.
servers_start() {
	local name address names=("$@")
	[ $# -gt 0 ] || names=(vc esx1)
	[ -e "$WORK/tls.pem" ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 \
		-nodes -days 2 -subj /CN=pcc-192-0-2-1.example.com -keyout "$WORK/tls.key" \
		-out "$WORK/tls.pem" 2>/dev/null
	for name in "${names[@]}"; do
		address=10.10.0.10
		[ "$name" = vc ] || address=10.10.0.21
		spawn "server-$name" "$name" /usr/bin/python3 "$TOP/tests/lib/server.py" \
			"$address" "$WORK/tls.pem" "$WORK/tls.key"
		wait_for 10 "the servers on $name listen" said "server-$name" ready
	done
}

topology_exit() {
	local status=$?
	trap - EXIT
	trap '' INT TERM HUP
	set +e
	if [ "$status" != 0 ] && [ "$status" != 77 ]; then
		topology_report >&2
	fi
	topology_stop
	if grep -E -m 5 'Sanitizer: |runtime error: ' "$WORK"/*.err >&2; then
		printf 'FAILED: a sanitizer has found something\n' >&2
		cat "$WORK"/*.err >&2
		status=1
	fi
	topology_remove
	exit "$status"
}

# topology_report - what was said last, for the log of a failed run
topology_report() {
	local file
	for file in "$WORK"/*.out "$WORK"/*.err; do
		if [ -s "$file" ]; then
			printf '\n%s (last lines):\n' "$(basename "$file")"
			tail -n 15 "$file"
		fi
	done
	if declare -F gateway_report >/dev/null; then
		gateway_report
	fi
}

# topology_stop - end what spawn() started, in peace if it will
topology_stop() {
	local name pid
	for name in "${!PID[@]}"; do
		kill "${PID[$name]}" 2>/dev/null
	done
	for name in "${!PID[@]}"; do
		pid=${PID[$name]}
		holds_within 5 eval "! kill -0 $pid" || kill -KILL "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
}

topology_remove() {
	local name namespace pid
	for name in $TOPOLOGY_NODES; do
		namespace=$(node "$name")
		# Whatever still runs in a namespace of ours was started by us.
		for pid in $(ip netns pids "$namespace" 2>/dev/null); do
			kill -KILL "$pid" 2>/dev/null
		done
		ip netns del "$namespace" 2>/dev/null
	done
	rm -rf "$WORK"
}
