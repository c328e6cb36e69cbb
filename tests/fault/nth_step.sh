#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A change of everything at once, whose first, second, … step fails, until none does: each time the
# error names the step, and the kernel, the configuration, its history, what the datapath admits, and
# a session are what they were.
#
#   far 192.168.50.10 ─ router ─ eth1 gw eth2 ─ vc 10.10.0.10
#   near 172.16.0.50 ────┘    eth3, which comes with the change
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start
servers_start vc
cable gw eth3 esx1 eth9 # beside the others: it would answer ARP for their addresses

# The faulty pgwd looks for the others beside itself.
mkdir "$WORK/bin"
for program in pgw pgw-datapath pgw-log; do
	cp "$PGW_BIN/$program" "$WORK/bin/"
done
cp "$(dirname "$PGW_BIN")/tests/pgwd_faulty" "$WORK/bin/pgwd"
chmod 755 "$WORK" "$WORK/bin"
PGW_BIN=$WORK/bin
export PGW_FAULT=$WORK/fault
gateway_start
hold_start session far 172.16.0.1 7

# Whatever a change can touch; "near" is no longer allowed afterwards, and each port that the session may have still is the pool's.
{
	gateway_config | grep -v -e 172.16.0.0/24 -e esx1 -e '^pool'
	cat <<-CONFIG
	portgroup add third dev eth3 realm private
	address add 172.31.0.1/24 portgroup third
	route add 192.168.0.0/16 via 172.16.0.254
	pool add default external-ip-address 10.10.0.2 ports 10000-65535
	service add more address 172.16.0.12 protocol tcp port 80 backend 10.10.0.10:80
	vmac add 02:00:00:12:34:56 address 172.16.0.13 portgroup vrack type ovh name esx2
	set session-log file $WORK/sessions.log
	set metrics 127.0.0.1:9469
	CONFIG
} >"$WORK/wanted.conf"

kernel_state() {
	on gw ip -o -4 addr | sort
	on gw ip -4 route | sort
	on gw ip -o link | sed 's/qlen.*link/link/' | sort
	on gw nft -s list ruleset
	on gw sysctl -a --pattern 'net.ipv4.(conf|ip_local)' 2>/dev/null
}
near_is_admitted() { on near ping -n -c 1 -W 0.5 10.10.0.10; }
consumed() { [ ! -s "$PGW_FAULT" ]; }

kernel_state >"$WORK/kernel.before"
pgw config show >"$WORK/config.before"
pgw config log >"$WORK/log.before"
ended=$(gateway_figure flows-ended)
expect "near is admitted" near_is_admitted

n=0
names=()
while :; do
	n=$((n + 1))
	[ $n -lt 200 ] || fail "more than 200 steps"
	echo $n >"$PGW_FAULT"
	if message=$(pgw config apply "$WORK/wanted.conf" revert-in 10m 2>&1); then
		break
	fi
	name=$(sed -E 's/^[^ ]*: ([a-z -]*): .*/\1/' <<<"$message" | head -n 1)
	names+=("$name")
	[[ $message == *"on demand"* || $message == *"Input/output error"* ]] ||
		fail "$n: refused for another reason: $message"
	consumed || fail "$n: refused, but not for the fault: $message"
	wait_for 10 "$n: the datapath runs" near_is_admitted
	kernel_state >"$WORK/kernel.after"
	expect "$n: the kernel is as it was" diff "$WORK/kernel.before" "$WORK/kernel.after"
	expect "$n: the configuration is as it was" diff "$WORK/config.before" <(pgw config show)
	expect "$n: the history is as it was" diff "$WORK/log.before" <(pgw config log)
	hold_goes_on session
	expect "$n: nothing listens for metrics" test -z "$(on gw ss -Hltn sport = 9469)"
done
consumed && fail "the change was made although a step failed"
printf '%s\n' "${names[@]}" | sort | uniq -c
for name in kernel "packet sockets" portgroups "session log" metrics history snapshot end; do
	contains "tried: $name" " ${names[*]} " " $name "
done
at_least "steps that were made to fail" $((n - 1)) 23

note "unhindered, the change is made, and taken back"
: >"$PGW_FAULT"
hold_goes_on session
refused "near is not admitted any more" near_is_admitted
expect "the new address is there" on gw ip addr show to 172.16.0.12
pgw config undo
expect "near is admitted" near_is_admitted
kernel_state >"$WORK/kernel.after"
expect "the kernel is as it was" diff "$WORK/kernel.before" "$WORK/kernel.after"
hold_goes_on session
hold_end session
note "sessions ended meanwhile: $(($(gateway_figure flows-ended) - ended))"
gateway_stop
