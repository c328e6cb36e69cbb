#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A bad cable: 5 % of the frames are lost, sent twice, out of order, or have one bit turned, each by itself and
# all at once. No connection is lost, downloads arrive as they were sent, and each frame that the gateway refuses is
# counted.
#
# FAULT_DOWNLOADS=200 are the short connections of the row "downloads", FAULT_PATIENCE=120 the seconds that each may take (a busy
# machine needs more). FAULT_OFFLOAD=tc has the kernel forward. FAULT_KEEP=DIR has both sides of the gateway
# captured, and everything kept there if a connection stands still.
#
#   far ─ router ─ eth1 gw eth2 ~ lossy.c ~ vsphere ─ vc 10.10.0.10
#
FAULT_REPETITIONS=${FAULT_REPETITIONS:-1}
# shellcheck source=tests/fault/common.sh
. "$(dirname "$0")/common.sh"

SEED=${FAULT_SEED:-1}
CONNECTIONS=${FAULT_DOWNLOADS:-200}
PATIENCE=${FAULT_PATIENCE:-120} # seconds: seven attempts of either end, of which this cable spoils each fifth, are over then

harms() { # harms LOSS DUPLICATE REORDER CORRUPT - per mille, from now on
	local told
	told=$(grep -c '^harms' "$WORK/lossy.out" || true)
	echo "$*" >"$WORK/harms"
	kill -USR1 "${PID[lossy]}"
	wait_for 10 "the cable is changed" eval '[ "$(grep -c ^harms "$WORK/lossy.out")" -gt '"$told"' ]'
}

# harmed LOSS DUPLICATE REORDER CORRUPT NUMBER BYTES - by the cable while NUMBER downloads of BYTES come through it
harmed() {
	local sum
	sum=$(web far "http://172.16.0.1/sha256/$6")
	harms "${@:1:4}"
	fault_flows_again >/dev/null
	spawn requests far /usr/bin/python3 "$TOP/tests/fault/requests.py" \
		"http://172.16.0.1/data/$6" "$sum" "$5" 20 "$PATIENCE"
	holds_within $((3 * PATIENCE)) eval '! running requests || said requests "stalled\|completed"' ||
		fail "$5 downloads do not end"
	[ "$(tail -n 1 "$WORK/requests.out")" = "completed $5" ] || stalled
	finish requests
	harms 0 0 0 0
	tail -n 3 "$WORK/lossy.out" | head -n 2
}

both_ends() { # of the downloads that stand still, and what the gateway thinks of them
	local port
	sed -n 's/^stalled .*:\([0-9]*\) got.*/\1/p' "$WORK/requests.out" | while read -r port; do
		note "the connection from port $port: its session, then both ends"
		pgw -d session show src 192.168.50.10 | grep -A 3 ":$port " || true
		on far ss -Htino "sport = :$port"
	done
	on vc ss -Htanio "sport = :80"
	on gw ip neighbour
	on vc ip neighbour
}

# stalled - say what is known about the downloads that stand still, and fail
stalled() {
	both_ends >"$WORK/both_ends" 2>&1
	cat "$WORK/requests.out" "$WORK/requests.err" "$WORK/both_ends"
	if [ -n "${FAULT_KEEP:-}" ]; then
		stop capture-eth1
		stop capture-eth2
		mkdir -p "$FAULT_KEEP"
		cp "$WORK"/*.* "$WORK/both_ends" "$FAULT_KEEP"
	fi
	fail "a download stands still"
}

topology_start
ip -n "$(node gw)" link del eth2
servers_start vc
fault_servers
fault_config "${FAULT_OFFLOAD:-off}" >"$WORK/pgw.conf"
spawn lossy gw "$(dirname "$PGW_BIN")/tests/pgw_lossy" "/run/netns/$(node gw)" eth2 \
	"/run/netns/$(node switch)" lossy vsphere "$SEED" "$WORK/harms"
wait_for 10 "the cable is there" said lossy ready
gateway_start "$WORK/pgw.conf"
FAULT_BITRATE=20M # the cable is a program that copies
fault_load
if [ -n "${FAULT_KEEP:-}" ]; then
	for link in eth1 eth2; do
		spawn "capture-$link" gw tcpdump -U -n -s 128 -C 20 -W 4 -Z root -i "$link" -w "$WORK/$link.pcap" \
			"arp or (tcp and not port 5201 and not port 5555)"
	done
fi
fault_repeat loss "5 % of the frames lost" harmed 50 0 0 0 1 300000
fault_repeat duplication "5 % of the frames sent twice" harmed 0 50 0 0 1 300000
fault_repeat reordering "5 % of the frames out of order" harmed 0 0 50 0 1 300000
fault_repeat corruption "5 % of the frames with one bit turned" harmed 0 0 0 50 1 300000
fault_repeat all "5 % of each" harmed 50 50 50 50 1 300000
fault_repeat downloads "5 % of each, $CONNECTIONS short downloads" harmed 50 50 50 50 "$CONNECTIONS" 4000
fault_load_end
gateway_stop
