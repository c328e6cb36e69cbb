#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# "pgw session show" tells both sides of every session, finds it by any field of them, and its
# JSON is JSON; "session del" ends one.
#
#   far 192.168.50.10 ─ router ─┬─ gw ─ vc 10.10.0.10
#   near 172.16.0.50 ───────────┘
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start
servers_start vc
gateway_start
hold_start far far 172.16.0.1 7 --bind 40001
hold_start near near 172.16.0.1 7 --bind 40002

session=$(pgw -j session show internal-src-port 40001 | jq -c '[.. | objects | select(has("protocol"))]')
equal "sessions from port 40001" "$(jq length <<<"$session")" 1
field() {
	jq -r --arg name "$1" '.[0][$name]' <<<"$session"
}
equal internal-src-address "$(field internal-src-address)" 192.168.50.10
equal internal-src-port "$(field internal-src-port)" 40001
equal internal-dst-address "$(field internal-dst-address)" 172.16.0.1
equal internal-dst-port "$(field internal-dst-port)" 7
equal external-src-address "$(field external-src-address)" 10.10.0.2
equal external-dst-address "$(field external-dst-address)" 10.10.0.10
equal external-dst-port "$(field external-dst-port)" 7
external=$(field external-src-port)
at_least external-src-port "$external" 16384

for filter in "internal-src-address 192.168.50.10" "internal-src-port 40001" \
	"external-src-port $external"; do
	# shellcheck disable=SC2086 # name and value are two words
	equal "sessions with $filter" "$(sessions $filter)" 1
done
for filter in "internal-dst-address 172.16.0.1" "internal-dst-port 7" "protocol tcp" \
	"external-dst-address 10.10.0.10" "external-dst-port 7" "external-src-address 10.10.0.2"; do
	# shellcheck disable=SC2086
	equal "sessions with $filter" "$(sessions $filter)" 2
done
equal "sessions that match nothing" "$(sessions internal-src-port 1)" 0
refused "a filter that does not exist" pgw session show colour green
contains "text, too" "$(pgw session show internal-src-port 40001)" 192.168.50.10

for object in portgroup address route pool nat service allow session neighbour stats config; do
	expect "JSON of $object show" eval "pgw -j $object show | jq -e . >/dev/null"
done

pgw session del internal-src-port 40001
equal "sessions from port 40001 after del" "$(sessions internal-src-port 40001)" 0
hold_goes_on near
hold_end near
