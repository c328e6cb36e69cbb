#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A change that is not confirmed is taken back: by the running pgwd, by one that was started after
# SIGKILL, and where the time passed while none ran; also if the -c file itself holds what was not
# confirmed. Confirmed, it stays.
#
#   far 192.168.50.10 ─ router ─ gw: pgwd (killed), pgw-datapath ─ vc 10.10.0.10
#   near 172.16.0.50 ─────────┘
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start
servers_start vc
gateway_start

# What locks the far client out, as such changes do.
gateway_config | grep -v 192.168.50.0 >"$WORK/locked.conf"
modes_chosen "$WORK/locked.conf" # they are no part of the change
reaches() { on far ping -n -c 1 -W 0.4 10.10.0.10; }
locked_out() { ! reaches; }
pending() { # pending MEMBER - of what is not confirmed; "-" if nothing is
	pgw -j stats show gateway | jq -r --arg m "$1" '.pending[$m] // "-"'
}
origin() { pgw -j config log 1 | jq -r '.[0].origin'; }
origin_is() { [ "$(origin)" = "$1" ]; }
not_pending() { [ "$(pending revision)" = - ]; }
still_locked_out() { locked_out || not_pending; }
pgwd_killed() {
	stop pgwd KILL
	rm -f "$WORK/pgwd.out"
}
time_is() { [ "$(date +%s%3N)" -ge "$1" ]; }

expect "the client reaches the server" reaches

note "applied, and not confirmed: it comes back by itself"
timeout 60 "$PGW_BIN/pgw" -j -r "$WORK/run" monitor >"$WORK/events" &
monitor=$!
applied=$(pgw -j config apply "$WORK/locked.conf" revert-in 2s)
equal "told who applied it" "$(jq -c '[.pending.revision, .pending.base]' <<<"$applied")" "[2,1]"
wait_for 10 "it is taken back" origin_is revert
equal "nothing is pending" "$(pending revision)" -
expect "the client is back" reaches
expect "as it was" diff <(pgw config show) <(pgw config show 1)
for event in revert-pending reverted; do
	wait_for 5 "monitors are told: $event" grep -q "\"$event\"" "$WORK/events"
done
kill $monitor

note "confirmed, it stays; nothing is left to confirm"
pgw config apply "$WORK/locked.conf" revert-in 1h
at_least "seconds left" "$(pending revert-in)" 3500
pgw config confirm
equal "nothing is pending" "$(pending revision)" -
expect "locked out" locked_out
refused "nothing to confirm" pgw config confirm
pgw config undo
expect "undone, the client is back" reaches

note "while it is pending, everything says so, and nothing else is changed"
pgw config apply "$WORK/locked.conf" revert-in 5m
revision=$(pending revision)
equal "pending in the statistics" "$revision" "$(gateway_figure revision)"
at_least "seconds left" "$(pending revert-in)" 200
contains "in the configuration, as a comment" "$(pgw config show)" "# revision $revision is not confirmed"
contains "in the statistics' text" "$(pgw stats show)" "comes back in"
contains "in the list" "$(pgw config log)" "comes back in"
expect "locked out" locked_out
message=$(pgw allow add 10.99.0.0/24 2>&1) && fail "another change was taken while one is pending"
contains "no other change meanwhile" "$message" "revision $revision is not confirmed, revision"
refused "nor is it saved" pgw config save
timeout 60 "$PGW_BIN/pgw" -r "$WORK/run" monitor >"$WORK/events" &
monitor=$!
wait_for 5 "a new monitor is told at once" grep -q "^revert-pending" "$WORK/events"
kill $monitor

note "undo takes it back at once"
pgw config undo
equal "nothing is pending" "$(pending revision) $(origin)" "- undo"
expect "the client is back" reaches

note "SIGKILL while it is pending: the next pgwd goes on with it, and takes it back in time"
hold_start session near 172.16.0.1 7
pgw config apply "$WORK/locked.conf" revert-in 3
revision=$(pending revision)
pgwd_killed
expect "locked out without pgwd" locked_out
gateway_launch
wait_for 15 "pgwd is ready" gateway_said_ready
pending=$(pending revision)
if [ "$pending" != - ]; then # else this machine was slow, and the time is up
	equal "still pending" "$pending" "$revision"
	expect "still locked out, or it has just been taken back" still_locked_out
fi
wait_for 10 "it is taken back" not_pending
equal "by the timer" "$(origin)" revert
expect "the client is back" reaches
hold_goes_on session

note "the time passes while no pgwd runs: the old configuration is what starts"
pgw config apply "$WORK/locked.conf" revert-in 1
until=$(($(date +%s%3N) + 1000))
pgwd_killed
wait_for 10 "the time is up" time_is "$until"
gateway_launch
wait_for 15 "pgwd is ready" gateway_said_ready
equal "it has been taken back" "$(pending revision) $(origin)" "- revert"
expect "the log says so" grep -q "was not confirmed in time: pgwd starts with revision" "$WORK/pgwd.err"
expect "the client is back" reaches
hold_goes_on session
hold_end session

note "the -c file itself was edited and applied: a restart does not end the waiting, nor a reboot"
cp "$WORK/locked.conf" "$WORK/pgw.conf"
pgw config apply "$WORK/pgw.conf" revert-in 3
gateway_stop
gateway_launch
wait_for 15 "pgwd is ready" gateway_said_ready
wait_for 10 "it is taken back" not_pending
expect "the client is back" reaches
equal "the file differs from what runs" "$(gateway_figure saved)" false
gateway_stop
gateway_launch
wait_for 15 "pgwd is ready" gateway_said_ready
expect "the client is not locked out by the next start either" reaches
equal "the file still differs" "$(gateway_figure saved)" false

note "a file that was changed since counts again"
{ gateway_config; echo "allow add 10.99.0.0/24"; } >"$WORK/pgw.conf"
gateway_stop
gateway_launch
wait_for 15 "pgwd is ready" gateway_said_ready
equal "the file runs" "$(gateway_figure saved) $(origin)" "true start"
gateway_stop
