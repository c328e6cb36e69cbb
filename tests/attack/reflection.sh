#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Datagrams in a victim's name that ask for errors: what comes back is less than what was sent, in all
# (icmp-rate), and none of it is longer than what it answers.
#
# shellcheck source=tests/attack/common.sh
. "$(dirname "$0")/common.sh"
attack_before() {
	received=$(device_bytes near rx)
	sent=$(device_bytes near tx)
}
received=0 sent=0
attack_run near reflect ttl-exceeded no-route no-mapping
received=$(($(device_bytes near rx) - received))
sent=$(($(device_bytes near tx) - sent))
note "the attacker sent $sent bytes and got $received back"
[ "$received" -lt "$sent" ] || fail "the gateway amplifies: $sent bytes in, $received out"
at_least "errors that were not sent, for icmp-rate" "$(gateway_figure icmp-limited)" 1
