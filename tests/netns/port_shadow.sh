#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A port on which the gateway itself listens is never a client's (CVE-2021-3773), whether the listener
# was there first or came later: its own connections and the clients' sessions do not meet.
#
#   near 172.16.0.50 ─ gw pool 10.10.0.2:20000-20003, listeners at 20001 and later 20002 ─ vc
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start
servers_start vc

listen() { # listen NAME PORT - TCP and UDP, answers every line with "own"
	spawn "$1" gw /usr/bin/python3 -c '
import select, socket, sys
tcp = socket.create_server(("10.10.0.2", int(sys.argv[1])))
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("10.10.0.2", int(sys.argv[1])))
print("ready", flush=True)
while True:
    for sock in select.select([tcp, udp], [], [])[0]:
        if sock is tcp:
            client = tcp.accept()[0]
            client.sendall(b"own")
            client.close()
        else:
            udp.sendto(b"own", udp.recvfrom(100)[1])
' "$2"
	wait_for 5 "listener $1 is ready" said "$1" ready
}

outside_ports() { # outside_ports FIRST - external ports of 6 UDP client ports, as vc sees them
	local port
	for port in $(seq "$1" $(($1 + 5))); do
		traffic near udp 10.10.0.10 7 port --bind "$port" --wait 0.5 || true
	done | grep -v answer | sort -u
}

{
	gateway_config | sed 's/ports 16384-65535/ports 20000-20003/'
	echo "set timer hold-down-timeout 0"
} >"$WORK/shadow.conf"
ip -n "$(node gw)" addr add 10.10.0.2/24 dev eth2
listen first 20001
gateway_start "$WORK/shadow.conf"
equal "ports that clients get" "$(outside_ports 4000 | paste -sd ' ')" "20000 20002 20003"
equal "the listener answers" "$(traffic vc udp 10.10.0.2 20001 x)" own
equal "its TCP port too" "$(traffic vc tcp 10.10.0.2 20001)" connected

# One that comes later is heard with the next configuration.
pgw session del all >/dev/null
listen second 20002
echo "allow add 192.168.77.0/24" >>"$WORK/shadow.conf"
gateway_reload "$WORK/shadow.conf"
equal "ports that clients get" "$(outside_ports 5000 | paste -sd ' ')" "20000 20003"
equal "the second listener answers" "$(traffic vc udp 10.10.0.2 20002 x)" own
