#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Who may call the API: signatures in all forms that clients use, replays (also after pgwd was
# killed), the credential flow on the command line and on its page, roles, the audit log.
#
# shellcheck source=tests/api/common.sh
. "$(dirname "$0")/common.sh"
api_start
expect "calls" api_python gw calls.py first
expect "secrets are not in the database" bash -c "! strings -n 16 '$WORK'/state/pgw.db* |
	grep -qF -e '$(jq -r '."application-secret"' "$WORK/keys.json")' -e '$(jq -r '."consumer-key"' "$WORK/keys.json")'"

note "pgwd is killed, and its API with it"
api=$(pgw -j api | jq '.[0].pid')
kill -9 "${PID[pgwd]}"
finish pgwd || true
wait_for 5 "pgw-api ends with pgwd" eval "! kill -0 $api"
gateway_launch
wait_for 15 "another pgwd" said pgwd ready
expect "what it remembers" api_python gw calls.py again

note "pgw-api is killed"
api_is_another() { [ "$(pgw -j api | jq '.[0].pid')" -ne "$api" ]; }
kill_api() {
	api=$(pgw -j api | jq '.[0].pid')
	kill -9 "$api"
	wait_for 10 "another pgw-api" api_is_another
}
kill_api
expect "it serves" api_python gw calls.py again

note "certificates"
served() { # served [PORT] - the fingerprint of what is served
	on gw openssl s_client -connect "127.0.0.1:${1-8443}" </dev/null 2>/dev/null |
		openssl x509 -noout -fingerprint -sha256 | cut -d= -f2
}
shown() { # shown FIELD LISTEN
	pgw -j api | jq -r --arg listen "$2" --arg field "$1" '.[] | select(.listen == $listen)[$field]'
}
in_file() { # in_file FILE - the fingerprint of what lies there
	openssl x509 -in "$1" -noout -fingerprint -sha256 | cut -d= -f2
}
is_for() { # is_for FILE { -checkhost NAME | -checkip ADDRESS }
	openssl x509 -in "$1" -noout "$2" "$3" | grep -q "does match"
}
made_anew() {
	made=$(served 9444)
	[ -n "$made" ] && [ "$made" != "$first_made" ]
}
served_is() { [ "$(served "${2-8443}")" = "$1" ]; }
made=$(served) first_made=$made
is_made() { # is_made WHEN - what was made first is served, shown, and in the file
	equal "served $1" "$(served)" "$made"
	equal "shown $1" "$(shown fingerprint 0.0.0.0:8443)" "$made"
	equal "in the file $1" "$(in_file "$WORK/state/api-certificate.pem")" "$made"
}
is_made "at first"
pgw address add 198.51.100.77/24 portgroup public
is_made "with another address"
kill_api
wait_for 10 "it listens" served_is "$made"
is_made "by another pgw-api"
pgw api add 127.0.0.1:9443 scheme https host-name other.test
wait_for 10 "another listener's own" eval '[ -n "$(served 9443)" ]'
wait_for 10 "the first one's" served_is "$made"
is_made "beside another listener"
other=$(served 9443)
equal "the other's is shown" "$(shown fingerprint 127.0.0.1:9443)" "$other"
equal "the other's file" "$(in_file "$(shown certificate 127.0.0.1:9443)")" "$other"
refused "they are two" [ "$other" = "$made" ]
expect "with its own name" is_for "$(shown certificate 127.0.0.1:9443)" -checkhost other.test
wait_for 10 "still its own" served_is "$other" 9443
pgw api del 127.0.0.1:9443
pgw api add 0.0.0.0:9444 scheme https
wait_for 10 "one without a name shares the first" served_is "$made" 9444
pgw address add 198.51.100.78/24 portgroup public
kill_api
wait_for 10 "no address takes it from its clients" served_is "$made" 9444
expect "what it lacks is said" grep -q "api 0.0.0.0:9444: 2 of the gateway's addresses are not in" "$WORK/pgwd.err"
rm "$WORK/state/api-certificate.pem"
kill_api
wait_for 10 "another one is made where it was removed" made_anew
expect "with the new address" is_for "$WORK/state/api-certificate.pem" -checkip 198.51.100.78
kill -HUP "${PID[pgwd]}"
wait_for 10 "the file's configuration, which has one" eval '[ -z "$(served 9444)" ]'
wait_for 10 "it is alone again" served_is "$made"
is_made "alone again"
make_certificate() { # into WORK/cert.pem and WORK/key.pem, by renaming
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$1" \
		-addext "subjectAltName=DNS:gateway.test" -keyout "$WORK/new.key" -out "$WORK/new.pem" 2>/dev/null
	mv "$WORK/new.key" "$WORK/key.pem"
	mv "$WORK/new.pem" "$WORK/cert.pem"
	in_file "$WORK/cert.pem"
}
first=$(make_certificate one)
pgw api del 0.0.0.0:8443
pgw api add 0.0.0.0:8443 scheme https certificate "$WORK/cert.pem" key "$WORK/key.pem"
wait_for 5 "the file's certificate" served_is "$first"
second=$(make_certificate two)
wait_for 5 "the next one, without being told" served_is "$second"
echo garbage >"$WORK/cert.pem"
wait_for 5 "a broken one is said" grep -q "the certificates that are in use go on" "$WORK/pgwd.err"
equal "the old one goes on" "$(served)" "$second"
refused "a key that is not its own" pgw api add 127.0.0.1:9443 scheme https \
	certificate "$WORK/cert.pem" key "$WORK/state/api-key.pem"
refused "a port that is taken" on gw "$PGW_BIN/pgw" -r "$WORK/run" api add 127.0.0.1:8443 scheme https
expect "another revision serves on" api_python gw calls.py again
gateway_stop
