#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The disk of state, configuration and session log is full: forwarding goes on, what cannot be written is refused or
# counted, no file is left half written, and all of it works again once there is room.
#
# It mounts a file system of its own, in a mount namespace of its own.
if [ -z "${FAULT_UNSHARED:-}" ] && [ "$(id -u)" = 0 ]; then
	FAULT_UNSHARED=1 exec unshare --mount --propagation private "$0"
fi
FAULT_REPETITIONS=${FAULT_REPETITIONS:-1}
# shellcheck source=tests/fault/common.sh
. "$(dirname "$0")/common.sh"

full() {
	local failed written
	failed=$(gateway_figure log-failed)
	cat /dev/zero >"$DISK/filler" 2>/dev/null || true
	equal "bytes that are free" "$(df --output=avail -k "$DISK" | tail -n 1 | tr -d ' ')" 0 >/dev/null
	fault_flows_again >/dev/null
	# It is refused, or it is made as a whole; never half of it, and the gateway answers.
	pgw allow add 10.99.0.0/24 >"$WORK/add.out" 2>&1 || note "refused: $(cat "$WORK/add.out")"
	refused "saving" pgw config save >/dev/null
	expect "the file is whole" "$PGW_BIN/pgw" config check "$DISK/pgw.conf" >/dev/null
	wait_for 20 "events that could not be written are counted" eval \
		'traffic far udp 172.16.0.1 7 event; [ "$(gateway_figure log-failed)" -gt '"$failed"' ]'
	rm "$DISK/filler"
	written=$(wc -c <"$DISK/sessions.log")
	traffic far udp 172.16.0.1 7 event --bind 0 >/dev/null
	wait_for 20 "the log goes on" eval '[ "$(wc -c <"$DISK/sessions.log")" -gt '"$written"' ]'
	if pgw -j allow show | jq -e '.[] | select(.network == "10.99.0.0/24")' >/dev/null; then
		pgw allow del 10.99.0.0/24
	fi
	pgw config save >/dev/null
}

topology_start
servers_start vc
DISK=$WORK/disk
mkdir "$DISK"
mount -t tmpfs -o size=8M,mode=0755 none "$DISK"
fault_servers
{
	fault_config off
	echo "set session-log file $DISK/sessions.log"
} >"$DISK/pgw.conf"
chmod 0666 "$DISK/pgw.conf"
spawn pgwd gw "$PGW_BIN/pgwd" -c "$DISK/pgw.conf" -r "$WORK/run" -S "$DISK/state"
wait_for 15 "pgwd is ready" said pgwd ready
fault_load
fault_repeat disk-full "disk full: state, configuration, session log" full
fault_load_end
gateway_stop
sed 's/}$/}/' "$DISK/sessions.log" | jq -e . >/dev/null || fail "the session log has a line that is no JSON"
note "ok: every line of the session log is whole"
umount -l "$DISK"
