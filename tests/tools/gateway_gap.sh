#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Figures, no test: how long nobody is served while a private gateway is enabled, moved and
# disabled. gateway_gap.sh [ROUNDS], default 3.
#
# Two clients, one on each side, begin a TCP connection every 2 ms, at whatever address of the gateway
# serves them, and note when one succeeds. Each asks a service that is not concerned as well, in the
# same loop: what it waits there is the machine's doing. "net" is what the gateway adds: for
# each time without access, the longest that the other service was without access around it
# taken away.
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
# shellcheck source=tests/lib/tasks.sh
. "$TOP/tests/lib/tasks.sh"

# knock NAME NODE ADDRESS… - times (ns, CLOCK_MONOTONIC) and addresses of connections that succeed
knock() {
	spawn "$1" "$2" /usr/bin/python3 -c '
import select, selectors, socket, sys, time
addresses = sys.argv[1:]
selector = selectors.DefaultSelector()
print("ready", flush=True)
while True:
    for address in addresses:
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex((address, 80))
        selector.register(s, selectors.EVENT_WRITE, (address, time.monotonic_ns()))
    for key, _ in selector.select(0.002):
        s, (address, _) = key.fileobj, key.data
        selector.unregister(s)
        if not s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            print(time.monotonic_ns(), address, flush=True)
        s.close()
    now = time.monotonic_ns()
    for key in list(selector.get_map().values()):
        if now - key.data[1] > 200_000_000:
            selector.unregister(key.fileobj)
            key.fileobj.close()
    select.select([], [], [], 0.002)
' "${@:3}"
	wait_for 10 "$1 knocks" said "$1" ready
}

# figures WHAT NEW-ADDRESS COMMAND…
figures() {
	local what=$1 new=$2 begin end
	shift 2
	pause
	begin=$(/usr/bin/python3 -c 'import time; print(time.monotonic_ns())')
	"$@" >/dev/null
	end=$(/usr/bin/python3 -c 'import time; print(time.monotonic_ns())')
	wait_for 10 "$new is served" served_since "$end" "$new"
	/usr/bin/python3 - "$what" "$new" "$begin" "$end" "$WORK"/knock-*.out <<-'PYTHON'
	import sys
	what, new, begin, end = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
	CONTROL = ("172.16.0.9", "203.0.113.9")
	seen = sorted((int(at), address) for name in sys.argv[5:] for at, address in
	              (line.split() for line in open(name) if line[0].isdigit()))
	seen = [(at, address) for at, address in seen if begin - 50_000_000 <= at <= end + 200_000_000]
	def gaps(times):
	    return sorted(((b - a, a, b) for a, b in zip(times, times[1:])), reverse=True)
	moved = gaps([at for at, address in seen if address not in CONTROL])
	# Of each client by itself: the one that is not served at the moment may be held up, too.
	control = [gap for one in CONTROL for gap in gaps([at for at, address in seen if address == one])]
	def machine(begin, end):
	    return max((gap for gap, a, b in control if a < end and b > begin), default=0)
	net = max(max(gap - machine(a, b), 0) for gap, a, b in moved[:20])
	first = min(at for at, address in seen if at > begin and address == new) - begin
	print("%-12s task %6.3f s   longest time without any access %6.1f ms, net %6.1f ms   "
	      "of the other services %6.1f ms   first at the new place after %6.3f s"
	      % (what, (end - begin) / 1e9, moved[0][0] / 1e6, net / 1e6, max(control)[0] / 1e6, first / 1e9))
	PYTHON
}

served_since() { # served_since NS ADDRESS
	awk -v since="$1" -v address="$2" '$2 == address && $1 > since { found = 1 } END { exit !found }' "$WORK"/knock-*.out
}

tasks_topology
servers_start
{
	tasks_config
	echo "address add 172.16.0.9/24 portgroup vrack"
	echo "service add near-other address 172.16.0.9 protocol tcp port 80 backend 10.10.0.10:80"
	echo "service add outside-other address 203.0.113.9 protocol tcp port 80 backend 10.10.0.10:80"
	echo "allow add 172.16.0.0/24"
} >"$WORK/pgw.conf"
gateway_start "$WORK/pgw.conf"
knock knock-outside outside 203.0.113.10 203.0.113.9
knock knock-near near 172.16.0.1 172.16.0.2 172.16.0.9
wait_for 10 "the Internet is served" served_since 0 203.0.113.10
for ((round = 1; round <= ${1:-3}; round++)); do
	figures enable 172.16.0.1 pgw gateway enable 1 address 172.16.0.1/24 portgroup vrack
	figures reconfigure 172.16.0.2 pgw gateway reconfigure 1 address 172.16.0.2/24
	figures disable 203.0.113.10 pgw gateway disable 1
done
gateway_stop
