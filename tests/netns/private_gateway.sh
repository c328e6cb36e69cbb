#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Enabling moves the access into the private network and cuts the Internet's, disabling restores
# it; whatever fails is taken back.
#
#   outside ── 203.0.113.10 (disabled) ┐
#                                      gw ── vc, esx1
#   near ───── 172.16.0.1  (enabled) ──┘
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
# shellcheck source=tests/lib/tasks.sh
. "$TOP/tests/lib/tasks.sh"
DC='"service":"pcc-192-0-2-1","datacenter":1,"by":"tester","from":"192.0.2.99"'
PLACE='"ip":"172.16.0.1","netmask":"255.255.255.0","portgroup":"vrack"'

code_of() { # code_of OP MEMBERS - of a refusal
	ask api "{\"op\":\"$1\",$2}" | jq -r '.code // "none"'
}

tasks_topology
servers_start
tasks_config >"$WORK/pgw.conf"
gateway_start "$WORK/pgw.conf"
pgw -j config show | jq -r .text >"$WORK/before"

note "disabled"
gateway_is disabled null
expect "from the Internet" reached outside 203.0.113.10
expect "not from the private side" not_reached near 172.16.0.1

note "refused at once"
equal "no such service" "$(code_of gateway-show '"service":"x","datacenter":1')" not-found
equal "no such datacenter" "$(code_of gateway-show '"service":"pcc-192-0-2-1","datacenter":9')" not-found
equal "disable what is disabled" "$(code_of gateway-disable "$DC")" conflict
equal "a wrong address" "$(code_of gateway-enable "$DC,${PLACE/172.16.0.1/172.16.0.300}")" invalid
equal "a wrong netmask" "$(code_of gateway-enable "$DC,${PLACE/255.255.255.0/255.0.255.0}")" invalid
equal "no such portgroup" "$(code_of gateway-enable "$DC,${PLACE/vrack/nowhere}")" invalid
equal "a portgroup of another realm" "$(code_of gateway-enable "$DC,${PLACE/vrack/inet}")" invalid
equal "what the API may not" "$(code_of config-show '"x":1')" forbidden

note "somebody has the address: taken back"
task=$(task_ask gateway-enable "$DC,${PLACE/172.16.0.1/172.16.0.50}")
task_wait "$task" error
contains "the reason" "$(task_figure "$task" .reason)" "172.16.0.50 is in use already"
gateway_is error null
expect "from the Internet, still" reached outside 203.0.113.10

note "enable"
hold_start session outside 203.0.113.10 7
task=$(task_ask gateway-enable "$DC,$PLACE")
wait_for 5 "it begins" eval "[ \"\$(task_figure $task .state)\" = doing ]"
gateway_is enabling null
equal "a second one meanwhile" "$(code_of gateway-enable "$DC,$PLACE")" busy
task_wait "$task" "done"
gateway_is enabled 172.16.0.1
equal "who asked" "$(task_figure "$task" '."created-by" + " " + ."created-from"')" "tester 192.0.2.99"
expect "from the private side" reached near 172.16.0.1
expect "the ESXi host by its own address" reached near 172.16.0.11
expect "not from the Internet" not_reached outside 203.0.113.10
expect "nor by the private address" not_reached outside 172.16.0.1
at_least "drops of what is not published" "$(drops realm)" 1
equal "sessions of the Internet" "$(sessions internal-src-address 203.0.113.50)" 0
equal "enable what is enabled" "$(code_of gateway-enable "$DC,$PLACE")" conflict
equal "links of the check" "$(on gw ls /sys/class/net | grep -c pgw-check || true)" 0
stop session

note "reconfigure, by the command line"
pgw set duplicate-detection off # one task has shown the probes
equal "hosts, before" "$(pgw hosts | tail -n 1)" \
	"$(printf '172.16.0.1\tpcc-192-0-2-1.example.com nsx.pcc-192-0-2-1.example.com')"
contains "what it says" "$(pgw gateway reconfigure 1 address 172.16.0.2/24 portgroup vrack)" \
	"finish: 172.16.0.1 is taken away"
gateway_is enabled 172.16.0.2
expect "by the new address" reached near 172.16.0.2
expect "not by the old one" not_reached near 172.16.0.1
contains "hosts" "$(pgw hosts)" "172.16.0.2"
pgw gateway reconfigure 1 to 2 >/dev/null
equal "the other datacenter has it" "$(pgw -j gateway show 2 | jq -r '.[0]."customer-ip"')" 172.16.0.2
pgw gateway reconfigure 2 to 1 >/dev/null
expect "still" reached near 172.16.0.2

note "canceled in the middle"
pgw set duplicate-detection default
task=$(task_ask gateway-reconfigure "$DC,\"ip\":\"172.16.0.4\"")
wait_for 5 "it probes" eval "[ \"\$(task_figure $task '.steps[1].state')\" = doing ]"
pgw task cancel "$task" >/dev/null
task_wait "$task" canceled
gateway_is enabled 172.16.0.2

note "disable"
pgw allow del 203.0.113.0/24
equal "for nobody" "$(code_of gateway-disable "$DC")" forbidden
pgw allow add 203.0.113.0/24 description "the Internet"
stop server-vc
stop server-esx1
refused "while nobody answers" pgw gateway disable 1
task=$(pgw -j task show | jq '.[-1]."task-id"')
contains "the reason" "$(task_figure "$task" .reason)" "check: no connection through the gateway"
gateway_is error 172.16.0.2
servers_start
expect "where it was" reached near 172.16.0.2
expect "not on the Internet" not_reached outside 203.0.113.10
pgw task reset "$task" reason "servers are back" >/dev/null
task_wait "$task" "done"
gateway_is disabled null
expect "from the Internet" reached outside 203.0.113.10
expect "not from the private side" not_reached near 172.16.0.2
pgw -j config show | jq -r .text >"$WORK/after"
expect "there and back leaves nothing" diff "$WORK/before" "$WORK/after"
gateway_stop
