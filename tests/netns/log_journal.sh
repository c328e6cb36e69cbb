#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The log as systemd's journal gets it: each entry has the identifier of its event (docs/events.md) and its members
# as fields, by the names that pgw monitor has.
#
# The journal's socket is one of the test, in a mount namespace of its own.
if [ -z "${LOG_UNSHARED:-}" ] && [ "$(id -u)" = 0 ]; then
	LOG_UNSHARED=1 exec unshare --mount --propagation private "$0"
fi
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"

# An entry a line, as JSON; "ready" first.
JOURNAL='
import json, os, socket, struct, sys
listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind("/run/systemd/journal/socket")
print("ready", flush=True)
while True:
    data, entry = listener.recv(65536), {}
    while data:
        line, _, data = data.partition(b"\n")
        name, sign, value = line.partition(b"=")
        if not sign:  # a value of several lines: its length, then it
            size = struct.unpack("<Q", data[:8])[0]
            value, data = data[8:8 + size], data[9 + size:]
        entry[name.decode()] = value.decode()
    print(json.dumps(entry), flush=True)
'

# Standard error is what JOURNAL_STREAM says, as when a service manager has started it.
AS_SERVICE='
import os, sys
status = os.fstat(2)
os.environ["JOURNAL_STREAM"] = "%d:%d" % (status.st_dev, status.st_ino)
os.execv(sys.argv[1], sys.argv[1:])
'

entry() { # entry JQ-CONDITION - there is such an entry
	jq -R 'fromjson?' "$WORK/journal.out" | jq -e -s "any(.[]; $1)"
}

identifier() { # identifier EVENT - as documented
	sed -n "s/^| \`$1\` | \`\([0-9a-f]*\)\` .*/\1/p" "$TOP/docs/events.md"
}

topology_start
servers_start vc
mkdir -p /run/systemd
mount -t tmpfs none /run/systemd
mkdir /run/systemd/journal
spawn journal gw /usr/bin/python3 -c "$JOURNAL"
wait_for 10 "the journal listens" said journal ready
{
	gateway_config
	echo "service add checked address 172.16.0.1 protocol tcp port 8080 backend 10.10.0.10:9 check tcp interval 0.2 fall 1"
} >"$WORK/pgw.conf"
spawn pgwd gw /usr/bin/python3 -c "$AS_SERVICE" "$PGW_BIN/pgwd" -c "$WORK/pgw.conf" -r "$WORK/run" -S "$WORK/state"
wait_for 15 "pgwd is ready" gateway_said_ready
wait_for 10 "its start" entry "
	.PGW_EVENT == \"daemon\" and .MESSAGE_ID == \"$(identifier daemon)\" and .PRIORITY == \"5\"
	and .SYSLOG_IDENTIFIER == \"pgwd\" and (.MESSAGE | startswith(\"revision 1 runs\"))"
wait_for 10 "a backend that is down" entry "
	.PGW_EVENT == \"backend\" and .MESSAGE_ID == \"$(identifier backend)\" and .PRIORITY == \"4\"
	and .PGW_SERVICE == \"checked\" and .PGW_BACKEND == \"10.10.0.10:9\" and .PGW_STATE == \"down\"
	and (.PGW_REASON | length > 0)"
pid=$(datapath_pid)
kill -KILL "$pid"
wait_for 10 "the datapath's death" entry "
	.PGW_EVENT == \"datapath\" and .MESSAGE_ID == \"$(identifier datapath)\" and .PGW_STATE == \"died\"
	and .PGW_PID == \"$pid\""
wait_for 10 "its successor" entry '.PGW_EVENT == "datapath" and .PGW_STATE == "started"'
pgw allow add 10.99.0.0/24
wait_for 10 "the revision" entry '.PGW_EVENT == "revision" and .PGW_REVISION == "2" and .PGW_ORIGIN == "change"'
on gw ip link set eth2 mtu 1400
wait_for 10 "the link" entry '.PGW_EVENT == "link" and .PGW_PORTGROUP == "vsphere" and .PGW_FORMER_MTU == "1500"'
gateway_stop
equal "lines on standard error that the journal has" "$(grep -c ' \[' "$WORK/pgwd.err" || true)" 0
equal "entries without an identifier" "$(jq -R 'fromjson?' "$WORK/journal.out" | jq -s '[.[] | select(.MESSAGE_ID == null)] | length')" 0

note "without a journal: lines that say the same"
gateway_start "$WORK/pgw.conf"
wait_for 10 "a backend that is down" grep -q \
	'^service checked: backend 10.10.0.10:9 is down: .* \[backend service=checked backend=10.10.0.10:9 state=down reason=' "$WORK/pgwd.err"
gateway_stop
equal "lines of no event" "$(grep -vc '\[[a-z-]*\( .*\)\?\]$' "$WORK/pgwd.err" || true)" 0
