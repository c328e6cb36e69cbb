#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Revisions: every change is one, with who and when; shown, compared, gone back to; a change that is
# based on another revision than the one that runs is refused; nothing of it needs the -c file.
#
#   far 192.168.50.10 ─ router ─ gw: pgwd, pgw ─ vc 10.10.0.10
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start
servers_start vc
gateway_start
hold_start session far 172.16.0.1 7

log_of() { # log_of REVISION MEMBER
	pgw -j config log | jq -r --argjson n "$1" --arg m "$2" '.[] | select(.revision == $n) | .[$m] // "-"'
}

note "a single command, a line of a batch, a file and a reload are a revision each"
equal "the first revision" "$(log_of 1 origin) $(log_of 1 user) $(log_of 1 state)" "start - running"
pgw allow add 10.91.0.0/24
pgw -batch - <<<"allow add 10.92.0.0/24"
pgw config show >"$WORK/two.conf"
grep -v 10.91.0.0 "$WORK/two.conf" >"$WORK/three.conf"
pgw config apply "$WORK/three.conf" comment 'without the "lab"'
{ gateway_config; echo "allow add 10.94.0.0/24"; } >"$WORK/five.conf"
gateway_reload "$WORK/five.conf"
equal "origins" "$(pgw -j config log | jq -r 'map("\(.revision) \(.origin) \(.changes)") | join(", ")')" \
	"5 reload 2, 4 apply 1, 3 change 1, 2 change 1, 1 start 0"
equal "who" "$(log_of 2 user) $(log_of 2 uid)" "root 0"
expect "a process" test "$(log_of 2 pid)" -gt 1
equal "the comment" "$(log_of 4 comment)" 'without the "lab"'
expect "when: within the last minute" test $(($(date +%s) - $(date -d "$(log_of 4 time)" +%s))) -lt 60
equal "the newest two" "$(pgw -j config log 2 | jq -c 'map(.revision)')" "[5,4]"
contains "as a table" "$(pgw config log)" "running"

note "an earlier one is shown and compared"
expect "shown as it was" diff <(pgw config show 3) "$WORK/two.conf"
equal "compared with what runs" "$(pgw -j config diff 3 | jq -c '[.base, (.changes | length)]')" "[5,3]"
equal "with itself" "$(pgw -j config diff 5 | jq -c .changes)" "[]"
message=$(pgw config show 99 2>&1 || true)
contains "one that is not there" "$message" "expected one of 1 to 5"
hold_goes_on session

note "undo, and undo again, go further back; a number goes anywhere"
pgw config undo
equal "the same as 4" "$(log_of 6 origin) $(log_of 6 same-as)" "undo 4"
expect "it runs" diff <(pgw config show) "$WORK/three.conf"
pgw config undo comment "further"
equal "the same as 3" "$(log_of 7 same-as) $(log_of 7 comment)" "3 further"
expect "it runs" diff <(pgw config show) "$WORK/two.conf"
pgw config undo 1
expect "the first one runs" diff <(pgw config show) <(pgw config show 1)
message=$(pgw config undo 2>&1 || true)
contains "nothing lies before the first" "$message" "no earlier revision than 1"
equal "nor does that make a revision" "$(gateway_figure revision)" 8
hold_goes_on session

note "two writers: the second is refused, with the revision that it missed"
pgw -d config show >"$WORK/alice.conf"
pgw -d config show >"$WORK/bob.conf"
equal "marked" "$(head -n 1 "$WORK/bob.conf")" "# revision 8"
echo "allow add 10.95.0.0/24" >>"$WORK/alice.conf"
echo "allow add 10.96.0.0/24" >>"$WORK/bob.conf"
pgw config apply "$WORK/alice.conf"
message=$(pgw config apply "$WORK/bob.conf" 2>&1) && fail "a stale base was accepted"
contains "its base" "$message" "based on revision 8"
contains "what it missed" "$message" "revision 9 runs (apply by root)"
refused "10.96.0.0/24 has not been added" grep -q 10.96.0.0 <(pgw config show)
equal "all of it, in JSON" "$(pgw -j config apply "$WORK/bob.conf" 2>/dev/null | jq -c '[.revision, [.missed[].revision]]')" "[9,[9]]"
message=$(pgw config apply "$WORK/bob.conf" base 99 2>&1) && fail "a base that never was is accepted"
pgw config show >"$WORK/same.conf"
message=$(pgw config apply "$WORK/same.conf" base 99 2>&1) && fail "a base that never was is accepted, as nothing is to change"
contains "though nothing is to change" "$message" "there has been no revision 99, revision 9 runs"
contains "one that never was is not called missed" "$message" "there has been no revision 99, revision 9 runs"
refused "an explicit base outweighs the mark" pgw config apply "$WORK/bob.conf" base 7
pgw config apply "$WORK/bob.conf" base 9
equal "the base of a comparison" "$(pgw -j config diff "$WORK/bob.conf" | jq .base)" 10
answer=$(on gw python3 - "$WORK/run/pgwd.sock" <<-'PYTHON'
	import json, socket, sys
	peer = socket.socket(socket.AF_UNIX)
	peer.connect(sys.argv[1])
	peer.sendall(json.dumps({"op": "change", "statements": ["allow add 10.97.0.0/24"], "base": 8,
	                         "by": "api carol"}).encode() + b"\n")
	stale = json.loads(peer.makefile().readline())
	peer.sendall(json.dumps({"op": "change", "statements": ["allow add 10.97.0.0/24"], "base": 10,
	                         "by": "api carol"}).encode() + b"\n")
	done = json.loads(peer.makefile().readline())
	print(stale["ok"], [r["revision"] for r in stale["missed"]], done["ok"], done["revision"])
PYTHON
)
equal "over the socket" "$answer" "False [10, 9] True 11"
equal "in the name of" "$(log_of 11 user)" "api carol"

note "the -c file: what is not saved is said; a restart does not come up different in silence"
equal "not saved" "$(gateway_figure saved)" false
pgw config save
equal "saved" "$(gateway_figure saved)" true
pgw allow add 10.98.0.0/24
equal "not any more" "$(gateway_figure saved)" false
timeout 20 "$PGW_BIN/pgw" -j -r "$WORK/run" monitor >"$WORK/events" & monitor=$!
wait_for 5 "a monitor is told at once" grep -q '"not-saved"' "$WORK/events"
kill $monitor
hold_end session
gateway_stop
gateway_start "$WORK/pgw.conf"
equal "the file counts" "$(pgw -j config show | jq -r .text | grep -c 10.98.0.0)" 0
expect "the log says what differs" grep -q "1 differences from revision 12" "$WORK/pgwd.err"
equal "it is a revision of its own" "$(log_of 13 origin) $(log_of 13 changes)" "start 1"
pgw config undo
equal "and undo brings it back" "$(pgw -j config show | jq -r .text | grep -c 10.98.0.0)" 1
gateway_stop
