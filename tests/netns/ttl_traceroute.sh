#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The gateway is one hop: it takes one from the TTL, answers where that is the last one, and
# brings home the errors of hosts behind it.
#
#   far 192.168.50.10 ─ 192.168.50.1 router ─ 172.16.0.1 gw ─ vc 10.10.0.10
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start
gateway_start

hops() { # hops NODE OPTION… - the addresses that traceroute shows
	on "$1" traceroute -n -q 1 -w 3 -m 6 -N 1 "${@:2}" 10.10.0.10 |
		awk 'NR > 1 { printf "%s%s", separator, $2; separator = " " }'
}

equal "way of an echo request" "$(hops far -I)" "192.168.50.1 172.16.0.1 10.10.0.10"
equal "way of UDP, ended by the server's port unreachable" "$(hops far -U -p 33500)" \
	"192.168.50.1 172.16.0.1 10.10.0.10"
equal "way from the same subnet" "$(hops near -I)" "172.16.0.1 10.10.0.10"

contains "TTL of the server's answer, one hop away" "$(ping_from near 10.10.0.10 -c 1)" "ttl=63"
contains "TTL of the server's answer, two hops away" "$(ping_from far 10.10.0.10 -c 1)" "ttl=62"
refused "TTL 1 does not pass" ping_from near 10.10.0.10 -c 1 -t 1
expect "TTL 2 does" ping_from near 10.10.0.10 -c 1 -t 2
expect "a session" ping_from near 10.10.0.10 -c 1 -e 77
refused "TTL 1 does not pass in a session that is there either" \
	ping_from near 10.10.0.10 -c 1 -e 77 -t 1
at_least "packets counted under ttl-exceeded" "$(drops ttl-exceeded)" 4
