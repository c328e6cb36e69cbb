#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The API in bad faith: ambiguous framing, a thousand slow connections, more connections than there
# are places, guesses, bodies of all kinds. Forwarding goes on meanwhile.
#
# shellcheck source=tests/api/common.sh
. "$(dirname "$0")/common.sh"
api_start
servers_start vc
expect "framing" api_python gw abuse.py framing
expect "bodies" api_python gw abuse.py bodies

note "a thousand slow connections"
spawn slow gw env API_WORK="$WORK" API_PGW="$PGW_BIN/pgw -r $WORK/run" PYTHONDONTWRITEBYTECODE=1 \
	/usr/bin/python3 "$API/abuse.py" slow
wait_for 60 "they are there" said slow "-- ok: an honest call"
equal "forwarding" "$(web near http://172.16.0.1/source)" 10.10.0.2
finish slow || fail "slow connections: $(cat "$WORK/slow.out" "$WORK/slow.err")"

note "a crowd"
places=$(ulimit -Hn)
[ "$places" != unlimited ] && [ "$places" -lt 4096 ] || places=4096 # SPAWN_FILES_API
places=$((places - 32))
expect "more than there are places ($places)" api_python gw abuse.py crowd "$places"
expect "answers that nobody reads" api_python gw abuse.py unread
expect "guessing" api_python gw abuse.py guessing
equal "pgw-api never ended" "$(grep -c "pgw-api pid .* ended" "$WORK/pgwd.err" || true)" 0
gateway_stop
