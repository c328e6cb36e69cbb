#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Ten hosts that may use the gateway open connections to a server that never answers: each gets
# its share of the table (connection-limits), and no more.
#
# shellcheck source=tests/attack/common.sh
. "$(dirname "$0")/common.sh"
attack_run near syn connection-limit
# By client: the honest client's closed connections rest in the table, too, but are nobody's share.
pgw -j client show 172.16.0.96/28 >"$WORK/clients.json"
equal "attackers that have their whole share, and no more" \
	"$(jq --argjson limit "$LIMIT" '[.[] | select(.sessions == $limit)] | length' "$WORK/clients.json")" 10
equal "attackers in the table" "$(jq length "$WORK/clients.json")" 10
equal "nobody was refused for want of a record" "$(drops flow-table-full)" 0
