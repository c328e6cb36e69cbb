# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# traffic.sh - requests of the kinds that many tests make, on nodes of topology.sh.

web() { # web NODE URL [CURL OPTION…] - fetch it; the certificate is the server's own
	local node=$1 url=$2
	shift 2
	on "$node" curl -sS -f -k --connect-timeout 5 --max-time 60 "$@" "$url"
}

traffic() { # traffic NODE COMMAND… - see traffic.py
	local node=$1
	shift
	on "$node" /usr/bin/python3 "$TOP/tests/lib/traffic.py" "$@"
}

# traffic_spawn NAME NODE COMMAND… - the same in the background
traffic_spawn() {
	local name=$1 node=$2
	shift 2
	spawn "$name" "$node" /usr/bin/python3 "$TOP/tests/lib/traffic.py" "$@"
}

# intact NODE URL BYTES - download BYTES from URL/data and compare with what the server has
intact() {
	local sum expected
	sum=$(web "$1" "$2/data/$3" | sha256sum) || fail "download of $3 bytes from $2"
	expected=$(web "$1" "$2/sha256/$3")
	equal "SHA-256 of $3 bytes from $2 at $1" "${sum%% *}" "$expected"
}

# ping_from NODE ADDRESS [PING OPTION…] - every one of the pings must be answered; default 3
ping_from() {
	local node=$1 address=$2
	shift 2
	on "$node" ping -n -c 3 -i 0.2 -W 2 "$@" "$address"
}

# hold_start NAME NODE HOST PORT [OPTION…] - a TCP session that goes on; see traffic.py hold
hold_start() {
	local name=$1
	traffic_spawn "$name" "$2" hold "${@:3}"
	wait_for 10 "session $name begins" said "$name" "echoed 3"
}

hold_count() { # hold_count NAME - lines that have returned so far
	grep -c '^echoed' "$WORK/$1.out" || true
}

hold_beyond() { # hold_beyond NAME COUNT
	[ "$(hold_count "$1")" -gt "$2" ]
}

# hold_goes_on NAME - the session must make progress from now on
hold_goes_on() {
	local count
	count=$(hold_count "$1")
	wait_for 20 "session $1 goes on after line $count" hold_beyond "$1" $((count + 5))
	running "$1" || fail "session $1 has ended"
	note "ok: session $1 goes on"
}

# hold_end NAME - end it; it must not have broken
hold_end() {
	local status=0
	kill -TERM "${PID[$1]}" 2>/dev/null || true
	finish "$1" || status=$?
	[ "$status" = 0 ] || fail "session $1 broke: $(tail -n 1 "$WORK/$1.out")"
	note "ok: session $1 carried $(hold_count "$1") lines"
}
