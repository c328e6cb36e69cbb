#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Later fragments of datagrams whose first one never comes: they fill a small table of their own, and
# whole packets do not notice.
#
# shellcheck source=tests/attack/common.sh
. "$(dirname "$0")/common.sh"
attack_run near fragments fragment-table-full
wait_for 10 "what waited is given up" eval '[ "$(gateway_figure fragments-waiting)" = 0 ]'
at_least "given up under fragment-timeout" "$(drops fragment-timeout)" 1
