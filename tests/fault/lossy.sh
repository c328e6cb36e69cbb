#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A bad cable: 5 % of the frames are lost, sent twice, out of order, or have one bit turned, each by itself and
# all at once. No connection is lost, downloads arrive as they were sent, and each frame that the gateway refuses is
# counted.
#
#   far ─ router ─ eth1 gw eth2 ~ lossy.c ~ vsphere ─ vc 10.10.0.10
#
FAULT_REPETITIONS=${FAULT_REPETITIONS:-1}
# shellcheck source=tests/fault/common.sh
. "$(dirname "$0")/common.sh"

SEED=${FAULT_SEED:-1}

harms() { # harms LOSS DUPLICATE REORDER CORRUPT - per mille, from now on
	local told
	told=$(grep -c '^harms' "$WORK/lossy.out" || true)
	echo "$*" >"$WORK/harms"
	kill -USR1 "${PID[lossy]}"
	wait_for 10 "the cable is changed" eval '[ "$(grep -c ^harms "$WORK/lossy.out")" -gt '"$told"' ]'
}

harmed() { # harmed LOSS DUPLICATE REORDER CORRUPT - by the cable for a while
	harms "$@"
	fault_flows_again >/dev/null
	intact far http://172.16.0.1 300000 >/dev/null
	harms 0 0 0 0
	tail -n 3 "$WORK/lossy.out" | head -n 2
}

topology_start
ip -n "$(node gw)" link del eth2
servers_start vc
fault_servers
fault_config off >"$WORK/pgw.conf"
spawn lossy gw "$(dirname "$PGW_BIN")/tests/pgw_lossy" "/run/netns/$(node gw)" eth2 \
	"/run/netns/$(node switch)" lossy vsphere "$SEED" "$WORK/harms"
wait_for 10 "the cable is there" said lossy ready
gateway_start "$WORK/pgw.conf"
FAULT_BITRATE=20M # the cable is a program that copies
fault_load
fault_repeat loss "5 % of the frames lost" harmed 50 0 0 0
fault_repeat duplication "5 % of the frames sent twice" harmed 0 50 0 0
fault_repeat reordering "5 % of the frames out of order" harmed 0 0 50 0
fault_repeat corruption "5 % of the frames with one bit turned" harmed 0 0 0 50
fault_repeat all "5 % of each" harmed 50 50 50 50
fault_load_end
gateway_stop
