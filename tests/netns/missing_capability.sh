#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Without CAP_NET_ADMIN or CAP_NET_RAW pgwd does not start, and says which one it lacks.
#
#   gw: pgwd under a reduced capability bounding set
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start
gateway_config >"$WORK/pgw.conf"
on gw ip -o addr >"$WORK/before"

for capability in net_admin net_raw; do
	message=$(gateway_refused "$WORK/pgw.conf" setpriv --bounding-set -$capability)
	contains "the message names the capability" "${message^^}" "CAP_${capability^^}"
done
on gw ip -o addr >"$WORK/after"
expect "addresses as before" diff "$WORK/before" "$WORK/after"
