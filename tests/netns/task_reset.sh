#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A task that is reset, or begins later than it was asked for, goes by what runs then: it never takes
# back what others have done meanwhile.
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
# shellcheck source=tests/lib/tasks.sh
. "$TOP/tests/lib/tasks.sh"
SERVICE='"service":"pcc-192-0-2-1"'
WHO='"by":"tester","from":"192.0.2.99"'
DC="$SERVICE,\"datacenter\":1,$WHO"
PLACE='"ip":"172.16.0.1","netmask":"255.255.255.0","portgroup":"vrack"'

code_of() { # code_of OP MEMBERS - of a refusal
	ask api "{\"op\":\"$1\",$2}" | jq -r '.code // "none"'
}
reset_code() { # reset_code TASK
	code_of task-reset "\"id\":$1,\"reason\":\"old one\",$WHO"
}
ran() { # what runs
	pgw -j config show | jq -r .text
}

tasks_topology
servers_start
tasks_config >"$WORK/pgw.conf"
gateway_start "$WORK/pgw.conf"

note "an enabling that failed, and another that was done"
old=$(task_ask gateway-enable "$DC,${PLACE/172.16.0.1/172.16.0.50}")
task_wait "$old" error
task=$(task_ask gateway-enable "$DC,$PLACE")
# One that waits for it, and then for its date.
later=$(task_ask gateway-enable "${DC/:1/:2},${PLACE/172.16.0.1/172.16.0.2}")
ask api "{\"op\":\"task-schedule\",\"id\":$later,\"execution-date\":\"2999-01-01T00:00:00Z\",$WHO}" >/dev/null
equal "disable what is to be enabled" "$(code_of gateway-disable "${DC/:1/:2}")" busy
equal "reconfigure it" "$(code_of gateway-reconfigure "${DC/:1/:2},\"ip\":\"172.16.0.3\"")" busy
equal "enable it" "$(code_of gateway-enable "${DC/:1/:2},$PLACE")" busy
task_wait "$task" "done"
ran >"$WORK/enabled"
equal "reset of the first" "$(reset_code "$old")" conflict
equal "it stays as it was" "$(task_figure "$old" .state)" error
gateway_is enabled 172.16.0.1
expect "from the private side" reached near 172.16.0.1
expect "not from the Internet" not_reached outside 203.0.113.10

note "one that begins after somebody else has enabled it"
pgw address add 172.16.0.2/24 portgroup vrack
pgw datacenter del 2
pgw datacenter add 2 service-name pcc-192-0-2-1 name dc2 gateway 172.16.0.2
ran >"$WORK/both"
ask api "{\"op\":\"task-schedule\",\"id\":$later,\"execution-date\":\"2020-01-01T00:00:00Z\",$WHO}" >/dev/null
task_wait "$later" error
contains "the reason" "$(task_figure "$later" .reason)" "enabled already"
expect "nothing is taken back" diff "$WORK/both" <(ran)

note "one that is reset goes back to where the datacenter is now"
pgw set duplicate-detection off
moved=$(task_ask gateway-reconfigure "$DC,\"ip\":\"172.16.0.3\"")
task_wait "$moved" "done"
equal "the first, once more" "$(reset_code "$old")" conflict
task_wait "$(task_ask gateway-disable "$DC")" "done"
pgw set duplicate-detection default
ran >"$WORK/disabled"
equal "it may be tried again now" "$(reset_code "$old")" none
task_wait "$old" error
gateway_is disabled null
expect "it is taken back" diff "$WORK/disabled" <(ran)
equal "reconfigure what is disabled" "$(code_of gateway-reconfigure "$DC,\"ip\":\"172.16.0.3\"")" conflict
gateway_stop
