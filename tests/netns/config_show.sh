#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What "pgw config show" prints can be loaded again and makes no difference; changes on the command
# line and in batches are in it.
#
#   gw: pgwd, pgw
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start
gateway_start

expect "the file it was started with makes no difference" \
	test -z "$(pgw config diff "$WORK/pgw.conf" | grep -E ' (add|del) ' || true)"
pgw allow add 10.99.0.0/24 description "by hand"
pgw -batch - <<-BATCH
	service add ssh address 172.16.0.11 protocol tcp port 22 backend 10.10.0.21:22
	allow del 192.168.50.0/24
BATCH
pgw config show >"$WORK/shown.conf"
expect "the command line's change is in it" grep -q 'allow add 10.99.0.0/24 description "by hand"' \
	"$WORK/shown.conf"
expect "the batch's addition, too" grep -q '^service add ssh ' "$WORK/shown.conf"
refused "what the batch removed is not" grep -q 192.168.50.0 "$WORK/shown.conf"
expect "it is a configuration" pgw config check "$WORK/shown.conf"
revision=$(gateway_figure revision)
pgw config apply "$WORK/shown.conf"
expect "and makes no difference" \
	test -z "$(pgw config diff "$WORK/shown.conf" | grep -E ' (add|del) ' || true)"
refused "a batch with a wrong line" pgw -batch - <<<"allow add 10.0.0.0/99"
at_least "revision" "$(gateway_figure revision)" "$revision"
