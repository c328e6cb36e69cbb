# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# test.sh - what a namespace test includes, first thing.
set -euo pipefail
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
if [ "$(id -u)" != 0 ]; then
	echo "SKIPPED: needs root for network namespaces"
	exit 77
fi
# shellcheck source=tests/lib/shell.sh
. "$TOP/tests/lib/shell.sh"
# shellcheck source=tests/lib/topology.sh
. "$TOP/tests/lib/topology.sh"
# shellcheck source=tests/lib/gateway.sh
. "$TOP/tests/lib/gateway.sh"
# shellcheck source=tests/lib/traffic.sh
. "$TOP/tests/lib/traffic.sh"
