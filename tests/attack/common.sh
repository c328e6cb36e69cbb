# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# common.sh - one attack on a gateway, and honest clients beside it. Included by each test here, which
# then calls attack_run; it may define attack_before, called when all is ready.
#
#   honest client far 192.168.50.10 ─ router ─┐                    ┌─ vc   10.10.0.10 honest server
#   attacker near 172.16.0.50 ────────────────┴─ gw ───────────────┴─ esx1 10.10.0.21 attacker, or silent
#
# Every day: a session lives through the attack, requests are answered during it, the gateway's
# counters name what it refused, pgw answers within 2 s, the datapath's memory is bounded and it is
# the same process afterwards. None of that is a matter of speed. With ATTACK_ROUNDS=N calm, the same
# frames to a bystander, and the attack alternate N times instead, and a line of figures is printed
# (see run --figures).

# shellcheck source=tests/lib/test.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/test.sh"

ATTACK_PROGRAMS=${ATTACK_PROGRAMS:-$(dirname "$PGW_BIN")/tests}
ATTACK_RATE=${ATTACK_RATE:-20000} # frames a second
ATTACK_SECONDS=15                 # at most: it ends when all is measured
ROUND_SECONDS=${ROUND_SECONDS:-2} # with figures
GROWTH_KIB=65536                  # of the datapath's memory; the flow table alone may take 10 MiB
FLOWS=65536
LIMIT=2000 # flows of one client that live

attack_config() {
	gateway_config
	cat <<-CONFIG
	service add honest address 172.16.0.1 protocol tcp port 5555 backend 10.10.0.10:5555
	nat add 20 from 0.0.0.0/0 to 10.20.0.0/16 pool default
	set flow-capacity $FLOWS
	set connection-limits $LIMIT
	set timer tcp-trans-close-timeout 2
	CONFIG
}

attack_world() { # the topology, the servers, the gateway
	topology_start
	servers_start vc
	spawn honest vc "$ATTACK_PROGRAMS/pgw_honest" serve 10.10.0.10 5555
	wait_for 5 "the honest server listens" said honest ready
	# What the SYN flood aims at never answers, so that only the gateway has work with it.
	on esx1 nft -f - <<-RULES
	table ip silent { chain in { type filter hook prerouting priority raw; tcp dport 9 drop; }; }
	RULES
	attack_config >"$WORK/attack.conf"
	gateway_start "$WORK/attack.conf"
}

mac_of() { # mac_of NODE DEVICE
	ip -j -n "$(node "$1")" link show "$2" | jq -r '.[0].address'
}

# A station on both networks that has no address: its kernel throws away what comes.
bystander() {
	plug stranger eth1 vrack
	plug stranger eth2 vsphere
	bridge -n "$(node switch)" fdb replace "$(mac_of stranger eth1)" dev stranger-eth1 master static
	bridge -n "$(node switch)" fdb replace "$(mac_of stranger eth2)" dev stranger-eth2 master static
}

attack_start() { # attack_start NODE KIND SECONDS [VICTIM] - in the background; VICTIM: a node, gw
	local device=eth1
	[ "$1" = near ] || device=eth2
	spawn attack "$1" "$ATTACK_PROGRAMS/pgw_attacker" "$2" eth0 "$(mac_of "${4:-gw}" $device)" "$3" "$ATTACK_RATE"
}

attack_end() { # end it; sets attack_sent and attack_rate
	running attack || fail "the attack ended before all was measured"
	kill -TERM "${PID[attack]}"
	finish attack || fail "the attacker: $(cat "$WORK/attack.err")"
	read -r _ attack_sent _ _ _ attack_rate <"$WORK/attack.out"
}

memory_kib() { # of the datapath, all that is resident
	awk '$1 == "VmRSS:" { print $2 }' "/proc/$1/status"
}

device_bytes() { # device_bytes NODE WHICH - that eth0 there has received (rx) or sent (tx)
	on "$1" cat "/sys/class/net/eth0/statistics/$2_bytes"
}

# honest SECONDS [apart] - a download and short requests, at once, or one after the other; sets
# honest_bytes, honest_requests and honest_failed
honest() {
	spawn bulk far "$ATTACK_PROGRAMS/pgw_honest" bulk 172.16.0.1 5555 "$1"
	[ $# = 1 ] || finish bulk || fail "the download: $(cat "$WORK/bulk.err")"
	spawn requests far "$ATTACK_PROGRAMS/pgw_honest" requests 172.16.0.1 5555 "$1"
	[ $# = 2 ] || finish bulk || fail "the download: $(cat "$WORK/bulk.err")"
	finish requests || fail "the requests: $(cat "$WORK/requests.err")"
	read -r _ honest_bytes <"$WORK/bulk.out"
	read -r _ honest_requests _ honest_failed <"$WORK/requests.out"
}

# everyday NODE KIND REASON… - REASON: under which the gateway must have counted the attack
everyday() {
	local node=$1 kind=$2 datapath before refused=0 reason begin
	local attack_sent attack_rate honest_bytes honest_requests honest_failed
	shift 2
	hold_start session far 172.16.0.1 7
	datapath=$(datapath_pid)
	before=$(memory_kib "$datapath")
	attack_start "$node" "$kind" "$ATTACK_SECONDS"
	honest 2
	begin=${EPOCHREALTIME/[.,]/}
	pgw -j session show >"$WORK/sessions.json"
	at_least "pgw lists the sessions during the attack, microseconds left of 2 s" \
		$((2000000 - ${EPOCHREALTIME/[.,]/} + begin)) 0
	attack_end
	note "$attack_sent frames at $attack_rate a second; meanwhile $honest_requests requests, $honest_bytes bytes"
	at_least "frames of the attack" "$attack_sent" 10000
	at_least "requests answered during the attack" "$honest_requests" 10
	equal "requests that failed" "$honest_failed" 0
	at_least "bytes downloaded during the attack" "$honest_bytes" 1000000
	for reason in "$@"; do
		at_least "refused under $reason" "$(drops "$reason")" 1
		refused=$((refused + $(drops "$reason")))
	done
	[ $# = 0 ] || at_least "refused in all, of $attack_sent" "$refused" $((attack_sent / 4))
	hold_goes_on session
	hold_end session
	[ $(($(memory_kib "$datapath") - before)) -le $GROWTH_KIB ] ||
		fail "the datapath has grown from $before to $(memory_kib "$datapath") KiB"
	note "ok: the datapath has grown from $before to $(memory_kib "$datapath") KiB"
	equal "datapath, still the same process" "$(datapath_pid)" "$datapath"
}

cpu_ticks() { # of process PID, in hundredths of a second
	awk '{ print $14 + $15 }' "/proc/$1/stat"
}

# measured - goodput of a moment; adds bytes, requests and the datapath's ticks to row
measured() {
	local cpu
	cpu=$(cpu_ticks "$datapath")
	honest "$ROUND_SECONDS" apart
	row+=("$honest_bytes" "$honest_requests" $(($(cpu_ticks "$datapath") - cpu)))
}

# figures NODE KIND - ATTACK_ROUNDS times calm, then the same frames to a bystander, then to the gateway;
# a line for run --figures
figures() {
	local datapath round all="$WORK/rounds"
	local attack_sent attack_rate honest_bytes honest_requests honest_failed
	local -a row
	datapath=$(datapath_pid)
	bystander
	honest 1 # warm
	for round in $(seq "$ATTACK_ROUNDS"); do
		row=()
		measured
		attack_start "$1" "$2" 60 stranger
		measured
		attack_end
		attack_start "$1" "$2" 60
		measured
		attack_end
		note "round $round: ${row[*]} $attack_rate"
		echo "${row[*]} $attack_rate" >>"$all"
	done
	/usr/bin/python3 "$TOP/tests/attack/figures.py" "$2" "$ROUND_SECONDS" <"$all"
}

# attack_run NODE KIND REASON… - what each test is
attack_run() {
	attack_world
	if [ -n "${ATTACK_ROUNDS:-}" ]; then
		figures "$1" "$2"
		exit 0
	fi
	if declare -F attack_before >/dev/null; then
		attack_before
	fi
	everyday "$@"
}
