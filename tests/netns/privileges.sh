#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The process that meets hostile packets has no privileges: /proc/PID/status says so.
#
#   gw: pgwd (privileged) and pgw-datapath (not)
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start
gateway_start

status() { # status FIELD - of the datapath, first value
	awk -v field="$1:" '$1 == field { print $2 }' "/proc/$(datapath_pid)/status"
}

contains "the program" "$(tr '\0' ' ' <"/proc/$(datapath_pid)/cmdline")" pgw-datapath
for set in CapInh CapPrm CapEff CapBnd CapAmb; do
	equal "$set" "$(status $set)" 0000000000000000
done
equal NoNewPrivs "$(status NoNewPrivs)" 1
equal "Seccomp (2 = filter)" "$(status Seccomp)" 2
for id in Uid Gid; do
	values=$(awk -v field="$id:" '$1 == field { $1 = ""; print }' "/proc/$(datapath_pid)/status")
	for value in $values; do
		[ "$value" != 0 ] || fail "$id of the datapath:$values, expected none to be 0"
	done
	note "ok: $id:$values"
done
equal "supplementary groups" "$(awk '$1 == "Groups:" { print NF - 1 }' \
	"/proc/$(datapath_pid)/status")" 0
