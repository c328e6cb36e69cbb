#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# SIGKILL of pgwd: forwarding does not even notice; the next pgwd takes over the running datapath.
#
#   far 192.168.50.10 ─ router ─ gw: pgwd (killed), pgw-datapath ─ vc 10.10.0.10
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start
servers_start vc
on gw ip -o -4 addr >"$WORK/before"
gateway_start
hold_start session far 172.16.0.1 7
datapath=$(datapath_pid)

stop pgwd KILL
hold_goes_on session
equal "new requests without pgwd" "$(web far http://172.16.0.1/source)" 10.10.0.2
expect "the datapath runs" kill -0 "$datapath"
refused "pgw says that nobody answers" pgw stats show

gateway_start "$WORK/pgw.conf"
equal "the same datapath, taken over" "$(datapath_pid)" "$datapath"
hold_goes_on session
equal "the session is listed" "$(sessions internal-src-address 192.168.50.10 protocol tcp \
	internal-dst-port 7)" 1
pgw allow add 10.99.0.0/24
equal "a change is taken" "$(pgw -j allow show | jq '[.. | objects | select(.network? == "10.99.0.0/24")] | length')" 1
hold_goes_on session
hold_end session
gateway_stop
on gw ip -o -4 addr >"$WORK/after"
expect "addresses after a clean exit, as before the first start" diff "$WORK/before" "$WORK/after"
equal "processes left in the namespace" "$(ip netns pids "$(node gw)" | wc -l)" 0
