#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# An interface that does not exist: the message names it and says what to do; nothing is left.
#
#   gw: eth1, eth2, and a configuration that wants eth9
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start

on gw ip -o addr >"$WORK/before"
gateway_config | sed 's/dev eth2/dev eth9/' >"$WORK/pgw.conf"
message=$(gateway_refused "$WORK/pgw.conf")
contains "the message names the interface" "$message" eth9
contains "and the portgroup" "$message" vsphere
on gw ip -o addr >"$WORK/after"
expect "addresses as before" diff "$WORK/before" "$WORK/after"
equal "nft tables" "$(on gw nft list tables | wc -l)" 0

note "the same through a reload: refused, the old configuration stays"
gateway_start
gateway_config | sed 's/dev eth2/dev eth9/' >"$WORK/wrong.conf"
refused "pgw config apply" pgw config apply "$WORK/wrong.conf"
contains "its message" "$(pgw config apply "$WORK/wrong.conf" 2>&1 || true)" eth9
expect "forwarding" ping_from far 10.10.0.10
