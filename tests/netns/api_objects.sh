#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Allowed networks and virtual MACs, as the API asks for them: tasks, ids, refusals, and what the
# datapath makes of it; the file follows, so that a restart changes nothing.
#
#   outside 203.0.113.50 ─── 203.0.113.10 gw ── vc
#   near    172.16.0.50 ──── 172.16.0.20, a virtual MAC
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
# shellcheck source=tests/lib/tasks.sh
. "$TOP/tests/lib/tasks.sh"
SERVICE='"service":"pcc-192-0-2-1"'
SERVER='"server":"ns1.example.net"'

code_of() { # code_of OP MEMBERS - of a refusal
	ask api "{\"op\":\"$1\",$2}" | jq -r '.code // "none"'
}

error_of() { # error_of OP MEMBERS
	ask api "{\"op\":\"$1\",$2}" | jq -r '.error // "none"'
}

networks() {
	ask api "{\"op\":\"allowed-network-show\",$SERVICE}" |
		jq -r '[.items[] | "\(."network-access-id") \(.network) \(.description) \(.state)"] | join(", ")'
}

macs() {
	ask api "{\"op\":\"virtual-mac-show\",$SERVER}" |
		jq -r '[.items[] | .mac + " " + .type + " " + ([.addresses[] | .address + "=" + .name] | join("+"))] | join(", ")'
}

done_by() { # done_by OP MEMBERS - the task of it is done; sets task
	task=$(task_ask "$1" "$2")
	task_wait "$task" "done"
}

tasks_topology
servers_start vc
{
	echo '# Written by hand.'
	tasks_config | sed 's/^allow add .*/&  # outside/; s/^service add web/# the web server\n&/'
} >"$WORK/pgw.conf"
echo 'address add 172.16.0.1/24 portgroup vrack' >>"$WORK/pgw.conf"
echo 'vrack-block add 172.16.0.128/28' >>"$WORK/pgw.conf"
gateway_start "$WORK/pgw.conf"

note "allowed networks"
equal "the list" "$(networks)" "1 203.0.113.0/24 the Internet allowed"
done_by allowed-network-add "$SERVICE,\"network\":\"198.51.100.0/24\",\"description\":null"
equal "the id in the task" "$(task_figure "$task" '."network-access-id"')" 2
equal "the list" "$(networks)" "2 198.51.100.0/24 null allowed, 1 203.0.113.0/24 the Internet allowed"
equal "twice" "$(code_of allowed-network-add "$SERVICE,\"network\":\"198.51.100.0/24\"")" conflict
equal "no network" "$(code_of allowed-network-add "$SERVICE,\"network\":\"198.51.100.1/24\"")" invalid
equal "no such id" "$(code_of allowed-network-delete "$SERVICE,\"id\":77")" not-found
done_by allowed-network-change "$SERVICE,\"id\":2,\"network\":\"198.51.100.0/25\",\"description\":\"a \\\"half\\\"\""
equal "the id stays" "$(networks)" "2 198.51.100.0/25 a \"half\" allowed, 1 203.0.113.0/24 the Internet allowed"
equal "one truth" "$(pgw -j allow show 198.51.100.0/25 | jq -r '.[0].description')" 'a "half"'

hold_start session outside 203.0.113.10 7
done_by allowed-network-delete "$SERVICE,\"id\":1"
equal "sessions of a network that is deleted" "$(sessions internal-src-address 203.0.113.50)" 0
expect "it is not served any more" not_reached outside 203.0.113.10
stop session
done_by allowed-network-add "$SERVICE,\"network\":\"203.0.113.0/24\",\"description\":\"again\""
equal "an id is used once" "$(networks)" "2 198.51.100.0/25 a \"half\" allowed, 3 203.0.113.0/24 again allowed"
expect "it is served at once" reached outside 203.0.113.10

note "virtual MACs"
done_by virtual-mac-add "$SERVER,\"ip\":\"172.16.0.20\",\"type\":\"ovh\",\"name\":\"vm1\""
equal "the task's function" "$(task_figure "$task" '.function + " " + .status')" "virtualMacAdd done"
mac=$(macs)
mac=${mac%% *}
equal "the MAC" "$(macs)" "$mac ovh 172.16.0.20=vm1"
equal "which answers" "$(on near arping -c 1 -w 3 -I eth0 172.16.0.20 | grep -o '\[[0-9A-F:]*\]' | tr A-F a-f)" "[$mac]"
contains "twice" "$(error_of virtual-mac-add "$SERVER,\"ip\":\"172.16.0.20\",\"type\":\"ovh\",\"name\":\"x\"")" "already exists"
equal "twice" "$(code_of virtual-mac-add "$SERVER,\"ip\":\"172.16.0.20\",\"type\":\"ovh\",\"name\":\"x\"")" conflict
equal "of the vRack" "$(code_of virtual-mac-add "$SERVER,\"ip\":\"172.16.0.130\",\"type\":\"ovh\",\"name\":\"x\"")" forbidden
equal "a wrong type" "$(code_of virtual-mac-add "$SERVER,\"ip\":\"172.16.0.21\",\"type\":\"xen\",\"name\":\"x\"")" invalid
equal "of nobody's network" "$(code_of virtual-mac-add "$SERVER,\"ip\":\"192.0.2.1\",\"type\":\"ovh\",\"name\":\"x\"")" invalid
done_by virtual-mac-address-add "$SERVER,\"mac\":\"$mac\",\"ip\":\"172.16.0.21\",\"name\":\"vm2\""
equal "two addresses" "$(macs)" "$mac ovh 172.16.0.20=vm1+172.16.0.21=vm2"
equal "the quota" "$(ask api "{\"op\":\"network-specification\",$SERVER}" | jq -c .vmac)" \
	'{"supported":true,"quota":32}'

note "restarted: the file has it all"
before="$(networks) $(macs)"
gateway_stop
gateway_start "$WORK/pgw.conf"
equal "the lists" "$(networks) $(macs)" "$before"
equal "what was written by hand stays where it was" \
	"$(sed -n '1p; /^# the web server/ { p; n; s/ address.*//; p }' "$WORK/pgw.conf")" \
	"$(printf '# Written by hand.\n# the web server\nservice add web')"

done_by virtual-mac-address-delete "$SERVER,\"mac\":\"$mac\",\"ip\":\"172.16.0.20\""
done_by virtual-mac-address-delete "$SERVER,\"mac\":\"$mac\",\"ip\":\"172.16.0.21\""
equal "the MAC goes with its last address" "$(macs)" ""
equal "and is not there any more" "$(code_of virtual-mac-delete "$SERVER,\"mac\":\"$mac\"")" not-found
for i in $(seq 32); do
	pgw vmac add "02:00:00:00:00:$(printf %02x "$i")" address "172.16.0.$((20 + i))" portgroup vrack type ovh name "vm$i"
done
equal "beyond the quota" "$(code_of virtual-mac-add "$SERVER,\"ip\":\"172.16.0.100\",\"type\":\"vmware\",\"name\":\"x\"")" forbidden
done_by virtual-mac-delete "$SERVER,\"mac\":\"02:00:00:00:00:01\""
gateway_stop
