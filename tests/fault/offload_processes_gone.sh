#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The kernel forwards established flows while the datapath hangs, and when every process of the gateway
# has been killed; the next pgwd takes the flow table back from the program.
#
#   far 192.168.50.10 ─ router ─ eth1 [tc] gw [tc] eth2 ─ vc 10.10.0.10
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start
servers_start vc
gateway_config | sed '/^portgroup add/s/$/ offload tc/' >"$WORK/pgw.conf"
gateway_start "$WORK/pgw.conf"
hold_start session far 172.16.0.1 7
expect "a session of the kernel's" eval \
	'pgw -j session show internal-dst-port 7 | jq -e ".[0].datapath == \"tc\""'

another_datapath() { # than $datapath, from now on $datapath
	wait_for 10 "there is another datapath" other_datapath "$datapath"
	datapath=$(datapath_pid)
}

note "the datapath hangs"
datapath=$(datapath_pid)
kill -STOP "$datapath"
hold_goes_on session
another_datapath
hold_goes_on session

note "the datapath is killed"
kill -KILL "$datapath"
hold_goes_on session
another_datapath
hold_goes_on session

note "everything is killed"
kill -KILL "${PID[pgwd]}" "$datapath"
finish pgwd 2>/dev/null || true
wait_for 5 "the datapath is gone" eval "! kill -0 $datapath"
equal "processes in the namespace" "$(ip netns pids "$(node gw)" | wc -l)" 0
hold_goes_on session
equal "a new connection meanwhile" "$(traffic far tcp 172.16.0.1 443 --wait 1.5)" timeout

note "and started again"
gateway_start "$WORK/pgw.conf"
expect "the table was taken back" grep -q "took the flow table back from the tc program" \
	"$WORK/pgwd.err"
equal "sessions found" "$(sessions internal-dst-port 7)" 1
hold_goes_on session
expect "it is the kernel's again" eval \
	'pgw -j session show internal-dst-port 7 | jq -e ".[0].datapath == \"tc\""'
equal "new requests" "$(web far http://172.16.0.1/source)" 10.10.0.2
hold_end session
gateway_stop
equal "filters left" "$(on gw tc filter show dev eth1 ingress)" ""
