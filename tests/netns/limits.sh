#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A client that wants everything gets what its limits say; another gets all of its own. pgw
# answers within 2 s while the table is full, and while the pool has no port left.
#
#   far 192.168.50.10, greedy ─ router ─┐
#   near 172.16.0.50, honest ───────────┴─ gw ─ vc 10.10.0.10
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start
servers_start vc

limited_config() { # limited_config POOL [STATEMENT…] - the usual configuration with limits
	local pool=$1
	shift
	gateway_config | sed "s/^pool add default .*/pool add default external-ip-address 10.10.0.2 $pool/"
	[ $# = 0 ] || printf '%s\n' "$@"
}

# grab.py HOST PORT COUNT - open COUNT connections to the echo server, keep them until SIGTERM; prints
# "open N" once each has been tried, and at the end "alive N": how many of these still echo.
cat >"$WORK/grab.py" <<'PYTHON'
import asyncio
import signal
import sys

host, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])


async def one():
    try:
        return await asyncio.wait_for(asyncio.open_connection(host, port), 4)
    except (OSError, TimeoutError, asyncio.TimeoutError):
        return None


async def echoes(reader, writer):
    try:
        writer.write(b"still here\n")
        return await asyncio.wait_for(reader.readline(), 5) == b"still here\n"
    except (OSError, TimeoutError, asyncio.TimeoutError):
        return False


async def main():
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    tried = await asyncio.gather(*(one() for _ in range(count)))
    held = [pair for pair in tried if pair]
    print("open", len(held), flush=True)
    await ended.wait()
    print("alive", sum(await asyncio.gather(*(echoes(*pair) for pair in held))), flush=True)


asyncio.run(main())
PYTHON
# flood.py HOST - new flows without end, about 6000 a second, until SIGTERM
cat >"$WORK/flood.py" <<'PYTHON'
import select
import socket
import sys

sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
port = 0
while True:
    for _ in range(64):
        port = port % 60000 + 1
        try:
            sock.sendto(b"x", (sys.argv[1], port))
        except OSError:  # told that there is no way through
            pass
    select.select([], [], [sock], 0.01)  # a pace that the gateway's ring can take
PYTHON
grab() { # grab NAME NODE COUNT - run it as NAME on NODE until each connection was tried
	spawn "$1" "$2" /usr/bin/python3 "$WORK/grab.py" 10.10.0.10 7 "$3"
	wait_for 30 "all connections of $1 have been tried" said "$1" open
}

opened() { # opened NAME
	sed -n 's/^open //p' "$WORK/$1.out"
}

all_alive() { # all_alive NAME - what it has opened still works
	kill -TERM "${PID[$1]}"
	finish "$1" || fail "$1: $(tail -n 3 "$WORK/$1.err")"
	equal "connections of $1 that still work" "$(sed -n 's/^alive //p' "$WORK/$1.out")" \
		"$(opened "$1")"
}

no_more() { # no_more NODE - it does not get one connection more
	local end
	end=$(traffic "$1" tcp 10.10.0.10 7 --wait 1)
	[ "$end" != connected ] || fail "$1 gets one connection more than it may"
	note "ok: one more connection of $1: $end"
}

client_figure() { # client_figure ADDRESS FIELD
	pgw -j client show "$1" | jq -r --arg field "$2" '.[0][$field]'
}

quick() { # quick WHAT ARGUMENT… - pgw answers within 2 s
	local what=$1
	shift
	expect "$what: pgw $* within 2 s" timeout 2 "$PGW_BIN/pgw" -r "$WORK/run" "$@"
}

answers_quickly() { # answers_quickly WHAT
	local arguments
	for arguments in version stats "-s nat" pool client "client show limit 1" "session show limit 3" \
		"session show count" "config show"; do
		# shellcheck disable=SC2086 # words
		quick "$1" $arguments
	done
	quick "$1" allow add 10.77.0.0/16
	quick "$1" allow del 10.77.0.0/16
}

note "connection-limits"
limited_config "ports 16384-65535" "set connection-limits 20" >"$WORK/limits.conf"
gateway_start "$WORK/limits.conf"
grab greedy far 60
equal "connections of the greedy client" "$(opened greedy)" 20
equal "as pgw client says" "$(client_figure 192.168.50.10 sessions)" 20
equal "its limit" "$(client_figure 192.168.50.10 connection-limits)" 20
drops_at_least connection-limit 40 || fail "connection-limit: $(drops connection-limit) drops"
grab honest near 20
equal "connections of the honest client" "$(opened honest)" 20
no_more far
at_least "flows that rule 10 has refused" \
	"$(pgw -j nat show 10 | jq '.[0]["flows-refused"]')" 40
at_least "bytes that it has carried, of live sessions" "$(pgw -j nat show 10 | jq '.[0].bytes')" 2000

note "the datapath is killed: nobody has more than before"
pid=$(datapath_pid)
kill -KILL "$pid"
wait_for 10 "another datapath runs" \
	eval "[ \"\$(datapath_pid)\" != $pid ] && [ \"\$(datapath_pid)\" != 0 ]"
before=$(drops connection-limit)
no_more far
at_least "refused by the new datapath" $(($(drops connection-limit) - before)) 1
equal "sessions of the greedy client" "$(client_figure 192.168.50.10 sessions)" 20
all_alive greedy
all_alive honest

note "creation-rate"
expect "the sessions end" pgw session del all
limited_config "ports 16384-65535" "set creation-rate 5" >"$WORK/limits.conf"
gateway_reload "$WORK/limits.conf"
before=$(gateway_figure flows-created) begin=${EPOCHREALTIME/[.,]/}
traffic far udp-fill 10.10.0.10 30000 512 || true # its pace is the echo server's answers
took=$(((${EPOCHREALTIME/[.,]/} - begin) / 1000000))
made=$(($(gateway_figure flows-created) - before))
[ "$made" -le $((5 * (took + 3))) ] || fail "creation-rate 5: $made flows in $took s"
at_least "flows made at 5 a second, in $took s" "$made" 1
expect "the honest client gets an answer" traffic near udp 10.10.0.10 7 hello
at_least "refused for the rate" "$(drops creation-rate)" 300

note "ports exhausted: port-quota leaves some for others"
expect "the sessions end" pgw session del all
limited_config "ports 50000-50039 port-quota 30" "set timer hold-down-timeout 0" >"$WORK/limits.conf"
gateway_reload "$WORK/limits.conf"
grab greedy far 60
equal "connections of the greedy client" "$(opened greedy)" 30
equal "ports, as pgw client says" \
	"$(pgw -j client show 192.168.50.10 | jq -c '.[0].pools')" \
	'[{"pool":"default","ports":30,"port-quota":30}]'
grab honest near 10
equal "connections of the honest client" "$(opened honest)" 10
at_least "port-quota" "$(drops port-quota)" 30
no_more near
at_least "ports-exhausted" "$(drops ports-exhausted)" 1
answers_quickly "ports exhausted"
all_alive greedy
all_alive honest
gateway_stop

note "the table is full"
limited_config "ports 16384-65535" "set flow-capacity 2048" >"$WORK/full.conf"
gateway_start "$WORK/full.conf"
hold_start session near 10.10.0.10 7
grab honest near 20
traffic far udp-fill 10.10.0.10 30000 4096 || true
wait_for 10 "the table is full" eval '[ "$(gateway_figure flows)" -ge 2040 ]'
at_least "flow-table-full" "$(drops flow-table-full)" 1000
spawn flood far /usr/bin/python3 "$WORK/flood.py" 10.10.0.10
before=$(drops flow-table-full)
wait_for 10 "the flood is there" drops_at_least flow-table-full $((before + 1000))
answers_quickly "table full, with a flood of new flows"
running flood || fail "the flood has ended: $(cat "$WORK/flood.err")"
stop flood
hold_goes_on session
equal "flows ended to make room" "$(gateway_figure flows-expired)" 0
all_alive honest
hold_end session
