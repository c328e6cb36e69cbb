#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every source address there is: martians and strangers make no flow and get no answer.
#
# shellcheck source=tests/attack/common.sh
. "$(dirname "$0")/common.sh"
attack_run near spoof not-allowed martian
equal "flows of anybody but the honest client" "$(pgw -j session show | jq '[.. | objects |
	select(has("internal-src-address") and ."internal-src-address" != "192.168.50.10")] | length')" 0
