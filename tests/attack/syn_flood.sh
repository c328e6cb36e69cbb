#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Ten hosts that may use the gateway open connections to a server that never answers: each gets
# its share of the table (connection-limits), and no more.
#
# shellcheck source=tests/attack/common.sh
. "$(dirname "$0")/common.sh"
attack_run near syn connection-limit
flows=$(gateway_figure flows)
[ "$flows" -le $((11 * LIMIT)) ] || fail "$flows flows: more than the limits allow"
note "ok: $flows flows, at most $LIMIT of each host"
equal "nobody was refused for want of a record" "$(drops flow-table-full)" 0
