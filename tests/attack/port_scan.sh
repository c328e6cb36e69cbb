#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A scan of the external ports: nothing is answered, whether a mapping is there or not,
# so the scanner learns nothing (RFC 4787 11, RFC 5382 REQ-4).
#
# shellcheck source=tests/attack/common.sh
. "$(dirname "$0")/common.sh"
answers() { # IP packets that the scanner has received from the gateway
	on esx1 nft -j list counter ip scanned answers | jq '.nftables[-1].counter.packets'
}

attack_before() {
	on esx1 nft -f - <<-RULES
	table ip scanned {
		counter answers { }
		chain in { type filter hook prerouting priority -400; ip saddr 10.10.0.2 counter name answers; }
	}
	RULES
}
attack_run esx1 scan no-mapping
equal "packets that the scanner received" "$(answers)" 0
