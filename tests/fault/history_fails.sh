#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The history cannot be written: a full disk, a damaged file. The gateway starts, forwards, and is
# changed all the same, and says what is missing; only what could not be promised is refused. Once there
# is room again, nothing is missing.
#
#   far 192.168.50.10 ─ router ─ gw: pgwd -S a small tmpfs ─ vc 10.10.0.10
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start
servers_start vc
mkdir "$WORK/state"
mount -t tmpfs -o size=512k,mode=700 pgw-test "$WORK/state"
eval "$(declare -f topology_remove | sed '1s/topology_remove/topology_remove_rest/')"
topology_remove() {
	umount -l "$WORK/state"
	topology_remove_rest
}
gateway_start
hold_start session far 172.16.0.1 7

fill() { dd if=/dev/zero of="$WORK/state/ballast" bs=4k 2>/dev/null || true; }

note "a full disk"
pgw allow add 10.91.0.0/24
fill
# What SQLite has allocated already may take a change or two more.
changes=0
until warning=$(pgw allow add "10.92.$changes.0/24" 2>&1 >/dev/null) && [ -n "$warning" ]; do
	changes=$((changes + 1))
	[ $changes -lt 200 ] || fail "200 changes found room on a full disk"
done
contains "the change is made, with a warning" "$warning" "the disk is full"
expect "it runs" grep -q "allow add 10.92.$changes.0/24" <(pgw config show)
contains "the statistics say so" "$(gateway_figure history-trouble)" "the disk is full"
revision=$(gateway_figure revision)
message=$(pgw config apply "$WORK/pgw.conf" revert-in 60 2>&1) && fail "a promise that cannot be kept"
contains "what is to be confirmed is refused" "$message" "has to be kept there"
equal "and changes nothing" "$(gateway_figure revision)" "$revision"
hold_goes_on session

note "room again: the next change brings what was missing"
rm "$WORK/state/ballast"
pgw allow add 10.93.0.0/24
equal "no trouble" "$(gateway_figure history-trouble)" null
equal "both are kept" "$(pgw -j config log 2 | jq -c 'map(.revision)')" "[$((revision + 1)),$revision]"
pgw config undo
expect "it can be gone back to" grep -q "allow add 10.92.$changes.0/24" <(pgw config show)
gateway_stop

note "a damaged file: left alone, and the gateway runs without"
echo "not a database, but somebody may want to look at it" >"$WORK/state/pgw.db"
rm -f "$WORK"/state/pgw.db-*
cp "$WORK/state/pgw.db" "$WORK/damaged"
gateway_start "$WORK/pgw.conf"
contains "said in the statistics" "$(gateway_figure history-trouble)" "damaged"
expect "the server is reached" ping_from far 10.10.0.10
warning=$(pgw allow add 10.94.0.0/24 2>&1)
contains "a change is made, with a warning" "$warning" "move it away"
refused "no history" pgw config log
expect "it was left alone" cmp "$WORK/state/pgw.db" "$WORK/damaged"
rm "$WORK/state/pgw.db"
pgw allow add 10.95.0.0/24
equal "moved away, the next change makes a new one" \
	"$(pgw -j config log | jq -c 'map(.changes)')" "[1,1]"
gateway_stop
stop session
