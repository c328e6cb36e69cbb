#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The session log: sessions, bindings, exhausted ports, quotas and marks reach an IPFIX collector,
# where nfdump and libfixbuf's tool decode them; destinations only when asked for; nothing of a
# calm run is lost; and no trouble with the log is one of the traffic.
#
#   far 192.168.50.10 ─ router ─┬─ gw ─ vc 10.10.0.10
#   near 172.16.0.50 ───────────┘
#     └ collector 4739/udp ─ nfcapd
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start
servers_start vc

collector() { # collector FILE - start one that keeps the messages in FILE
	spawn collector near /usr/bin/python3 "$TOP/tests/lib/collector.py" 172.16.0.50 4739 \
		"$WORK/$1" 9995
	wait_for 5 "the collector listens" said collector ready
}

# config STATEMENT… - eight external ports that need not rest, at most four a client
config() {
	gateway_config | sed '/^pool add/s/ports [0-9-]*/ports 20000-20007 port-quota 4/'
	printf '%s\n' "set timer hold-down-timeout 0" "$@"
}

reload() { # reload STATEMENT…
	config "$@" >"$WORK/next.conf"
	gateway_reload "$WORK/next.conf"
}

ask() { # ask NODE PORT [OPTION…] - a datagram to the echo service and back, from PORT
	traffic "$1" udp 172.16.0.1 7 hello --bind "$2" "${@:3}" >/dev/null
}

external_port() { # external_port PORT - of the session that has this inside port
	pgw -j session show internal-src-port "$1" | jq -r '.[0]["external-src-port"]'
}

# records FILE JQ-FILTER - how many of the records that nfcapd kept in FILE match
records() {
	nfdump -r "$1" -o json | jq "[.[] | select($2)] | length"
}

written() { # written FILE - data records in FILE by libfixbuf's reckoning
	ipfixDump --in "$WORK/$1" --data | grep -c '^--- data record'
}

all_written() { # all_written FILE BEFORE - has everything told since BEFORE arrived?
	[ $(($(gateway_figure log-written) - $2)) -gt 0 ] &&
		[ "$(written "$1")" = $(($(gateway_figure log-written) - $2)) ]
}

in_file() { # in_file FILE JQ-FILTER - is there a line of which it is true?
	jq -e -s "any(.[]; $2)" "$1"
}

ended() { # ended PID
	! kill -0 "$1"
}

# --- sessions and bindings; what runs out --------------------------------------------------
mkdir "$WORK/flows"
spawn nfcapd near nfcapd -b 127.0.0.1 -p 9995 -w "$WORK/flows"
wait_for 5 "nfcapd listens" grep -q Startup "$WORK/nfcapd.err"
collector first
config "set session-log ipfix 172.16.0.50:4739" "set threshold 50" >"$WORK/first.conf"
gateway_start "$WORK/first.conf"
for port in 4001 4002 4003 4004; do
	ask far $port
done
external=$(external_port 4001)
refused "a fifth port for far" ask far 4005 --wait 0.5
for port in 4001 4002 4003 4004; do
	ask near $port
done
refused "a ninth port" ask router 4001 --wait 0.5
pgw session del all >/dev/null
wait_for 10 "the collector has every event" all_written first 0
stop collector
stop nfcapd INT
equal "events lost" "$(gateway_figure log-lost)" 0
equal "events that could not be sent" "$(gateway_figure log-failed)" 0

flows=$(ls "$WORK"/flows/nfcapd.2*)
one='.src4_addr == "192.168.50.10" and .src_port == 4001 and .proto == 17 and
	.src4_xlt_ip == "10.10.0.2" and .src_xlt_port == "'$external'"'
for event in 4 5 8 9; do
	equal "nfdump: natEvent $event" "$(records "$flows" ".nat_event_id == \"$event\"")" 8
	equal "nfdump: natEvent $event of one session" \
		"$(records "$flows" ".nat_event_id == \"$event\" and $one")" 1
done
equal "nfdump: ports exhausted" "$(records "$flows" '.nat_event_id == "12" and
	.src4_addr == "172.16.0.254" and .src4_xlt_ip == "10.10.0.2"')" 1
equal "nfdump: quota exceeded by far" "$(records "$flows" '.nat_event_id == "13" and
	.src4_addr == "192.168.50.10"')" 1
equal "nfdump: mark reached" "$(records "$flows" '.nat_event_id == "18"')" 1
equal "nfdump: records with a destination" \
	"$(records "$flows" '(.dst4_addr // "0.0.0.0") != "0.0.0.0" or (.dst_port // 0) != 0')" 0
grep -q 'Sequence Errors: 0, Bad Packets: 0' "$WORK/nfcapd.err" "$WORK/nfcapd.out" ||
	fail "nfcapd missed messages"
dump=$(ipfixDump --in "$WORK/first")
contains "libfixbuf: quota kind: entries of one user" "$dump" "natQuotaExceededEvent"
for element in destinationIPv4Address postNATDestinationIPv4Address destinationTransportPort; do
	case $dump in
	*"$element"*) fail "$element is in the log without having been asked for" ;;
	esac
done
note "ok: no destination in templates or records"

# --- the collector is away: traffic goes on ------------------------------------------------
hold_start session near 172.16.0.1 7 --bind 4100
expect "a datagram while nobody collects" ask far 4001

# --- destinations, by a reload that no session notices -------------------------------------
before=$(gateway_figure log-written)
collector second
reload "set session-log ipfix 172.16.0.50:4739 destinations on"
ask far 4006
wait_for 10 "the new session is told" all_written second "$before"
dump=$(ipfixDump --in "$WORK/second" --data)
contains "libfixbuf: where the client went" "$dump" "172.16.0.1"
contains "libfixbuf: where that is in truth" "$dump" "10.10.0.10"
hold_goes_on session

# --- a file, moved away and begun anew -----------------------------------------------------
log=$WORK/sessions.log
reload "set session-log file $log"
ask far 4007
wait_for 5 "the session is in the file" in_file "$log" '.event == "session-create" and
	."internal-src-port" == 4007 and ."internal-src-address" == "192.168.50.10" and
	.pool == "default" and .rule == 10 and (has("internal-dst-address") | not)'
mv "$log" "$log.1"
kill -HUP "${PID[pgwd]}"
wait_for 5 "SIGHUP begins a new file" test -e "$log"
pgw session del internal-src-port 4007 >/dev/null
wait_for 5 "its end is in the new file" in_file "$log" '.event == "session-delete" and
	."internal-src-port" == 4007 and .packets == 2 and .bytes > 0'

# --- each process killed: the log goes on --------------------------------------------------
log_pid=$(gateway_figure log-pid)
status=$(cat "/proc/$log_pid/status")
equal "capabilities of pgw-log" "$(awk '/^Cap(Eff|Prm|Bnd|Amb)/ { print $2 }' <<<"$status" |
	sort -u)" 0000000000000000
refused "to find that pgw-log is root" grep -q '^Uid:.*\<0\>' <<<"$status"
equal "descriptors of pgw-log" "$(find "/proc/$log_pid/fd" -mindepth 1 | wc -l)" 7
kill -KILL "$log_pid"
ask far 4008
wait_for 10 "told after pgw-log was killed" in_file "$log" '."internal-src-port" == 4008'
kill -KILL "$(datapath_pid)"
wait_for 10 "the datapath is started again" ask far 4009
wait_for 10 "told after the datapath was killed" in_file "$log" '."internal-src-port" == 4009'
kill -KILL "${PID[pgwd]}"
finish pgwd 2>/dev/null || true
gateway_start "$WORK/pgw.conf"
ask far 4006
pgw session del internal-src-port 4006 >/dev/null
wait_for 10 "told after pgwd was killed" in_file "$log" \
	'.event == "session-delete" and ."internal-src-port" == 4006'
hold_goes_on session

# --- a file that cannot be; no log ---------------------------------------------------------
config "set session-log file /nonexistent/sessions.log" >"$WORK/bad.conf"
refused "a file that cannot be opened" pgw config apply "$WORK/bad.conf"
pgw session del internal-src-port 4008 >/dev/null
wait_for 5 "the former log goes on" in_file "$log" \
	'.event == "session-delete" and ."internal-src-port" == 4008'
log_pid=$(gateway_figure log-pid)
reload
equal "pgw-log without a log" "$(gateway_figure log-pid)" null
wait_for 5 "pgw-log ends" ended "$log_pid"
count=$(wc -l <"$log")
ask far 4001
equal "lines written without a log" $(($(wc -l <"$log") - count)) 0
hold_end session
equal "events lost in all" "$(gateway_figure log-lost)" 0
gateway_stop
