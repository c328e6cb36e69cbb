#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A private gateway whose services share one address and port and are told apart by TLS names. What
# answers there is pgw-relay: the check of a task is content only with a backend behind it.
#
#   outside ── 203.0.113.20:443 (disabled) ┐         ┌ vc   10.10.0.10  pcc-192-0-2-1.example.com
#                                          gw ── relay
#   near ───── 172.16.0.1:443   (enabled) ─┘         └ esx1 10.10.0.21  *.pcc-192-0-2-1.example.com
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
# shellcheck source=tests/lib/tasks.sh
. "$TOP/tests/lib/tasks.sh"
DC='"service":"pcc-192-0-2-1","datacenter":1'
NAME=pcc-192-0-2-1.example.com

named() { # named NODE NAME ADDRESS [SECONDS] - the backend behind it answers
	[ "$(on "$1" curl -sS -k -m "${4:-5}" --resolve "$2:443:$3" "https://$2/source" 2>&1)" = 10.10.0.2 ]
}

tasks_topology
servers_start
{
	tasks_config | grep -v '^service add '
	cat <<-CONFIG
	set duplicate-detection off
	service add vcenter address 203.0.113.20 protocol tcp port 443 sni $NAME backend 10.10.0.10:443 datacenter 1 host-name $NAME
	service add nsx address 203.0.113.20 protocol tcp port 443 sni *.$NAME backend 10.10.0.21:443 datacenter 1 host-name nsx.$NAME
	CONFIG
} >"$WORK/pgw.conf"
gateway_start "$WORK/pgw.conf"
expect "from the Internet" named outside $NAME 203.0.113.20
expect "by the other name" named outside nsx.$NAME 203.0.113.20

note "enable"
task=$(task_ask gateway-enable "$DC,"'"ip":"172.16.0.1","netmask":"255.255.255.0","portgroup":"vrack"')
task_wait "$task" "done"
contains "the check" "$(task_figure "$task" '.steps[] | select(.name == "check") | .text')" "$NAME"
expect "from the private side" named near $NAME 172.16.0.1
expect "by the other name" named near nsx.$NAME 172.16.0.1
refused "not from the Internet" named outside $NAME 203.0.113.20 0.5
equal "hosts" "$(pgw hosts)" "$(printf '172.16.0.1\tnsx.%s %s' $NAME $NAME)"

note "no backend is there: taken back"
stop server-vc
stop server-esx1
task=$(task_ask gateway-reconfigure "$DC,"'"ip":"172.16.0.2"')
task_wait "$task" error
contains "the reason" "$(task_figure "$task" .reason)" "no connection through the gateway: 172.16.0.2:443 for "
gateway_is error 172.16.0.1

note "they are back"
servers_start
task_ask task-reset "\"id\":$task,\"reason\":\"the backends were down\"" >/dev/null
task_wait "$task" "done"
gateway_is enabled 172.16.0.2
expect "by the new address" named near $NAME 172.16.0.2
task=$(task_ask gateway-disable "$DC")
task_wait "$task" "done"
expect "from the Internet" named outside nsx.$NAME 203.0.113.20
refused "not from the private side" named near $NAME 172.16.0.2 0.5

note "without a network on the list, and then open to everyone"
pgw allow del 203.0.113.0/24
refused "nobody" named outside $NAME 203.0.113.20 0.5
pgw set access-policy open
expect "everyone" named outside $NAME 203.0.113.20
gateway_stop
