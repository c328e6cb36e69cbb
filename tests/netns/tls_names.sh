#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Several TLS names on one address and port lead to different backends, without decrypting, for clients
# of the same subnet and of a foreign one to which the gateway has no route.
#
#   far  192.168.50.10 ─ router ─┐                          ┌─ vc   10.10.0.10  pcc-1.example.net
#   near 172.16.0.50 ────────────┴─ gw 172.16.0.1:443 ──────┤
#   stranger 192.168.60.10, who is not allowed              └─ esx1 10.10.0.21  *.pcc-1.example.net
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
command -v haproxy >/dev/null || skip "haproxy is missing: packages of kind test"
topology_start
for server in vc esx1; do # each with a certificate that says who it is
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
		-subj "/CN=$server" -keyout "$WORK/tls.key" -out "$WORK/tls.pem" 2>/dev/null
	servers_start $server
done

# A backend that is told by the PROXY protocol who its client is, and says so.
cat "$WORK/tls.pem" "$WORK/tls.key" >"$WORK/both.pem"
cat >"$WORK/haproxy.cfg" <<CONFIG
defaults
	mode http
	timeout connect 10s
	timeout client 10s
	timeout server 10s
frontend told
	bind 10.10.0.10:8443 ssl crt $WORK/both.pem accept-proxy
	http-request return status 200 content-type text/plain lf-string "%[src]:%[src_port] to %[dst]:%[dst_port]"
CONFIG
spawn haproxy vc haproxy -db -f "$WORK/haproxy.cfg"

# A backend that says how many bytes there were up to the end of what its client sends.
COUNTING='
import socketserver
class Count(socketserver.BaseRequestHandler):
	def handle(self):
		n = 0
		while got := self.request.recv(1 << 16):
			n += len(got)
		self.request.sendall(b"%d" % n)
server = socketserver.ThreadingTCPServer(("10.10.0.10", 9443), Count)
print("listening", flush=True)
server.serve_forever()'
spawn counting vc /usr/bin/python3 -c "$COUNTING"
wait_for 10 "the counting backend listens" grep -q listening "$WORK/counting.out"

{
	gateway_config | grep -v '^service add vcenter'
	cat <<-CONFIG
	service add vcenter address 172.16.0.1 protocol tcp port 443 sni pcc-1.example.net backend 10.10.0.10:443
	service add others address 172.16.0.1 protocol tcp port 443 sni *.pcc-1.example.net,NSX.example.net backend 10.10.0.21:443
	service add told address 172.16.0.1 protocol tcp port 443 sni told.example.net backend 10.10.0.10:8443 proxy-protocol v2
	service add counted address 172.16.0.1 protocol tcp port 443 sni counted.example.net backend 10.10.0.10:9443
	CONFIG
} >"$WORK/names.conf"
gateway_start "$WORK/names.conf"

name() { # name NODE NAME PATH [OPTION…] - fetch https://NAME/PATH from the gateway's address
	local node=$1 name=$2 path=$3
	shift 3
	on "$node" curl -sS -k -m 10 --resolve "$name:443:172.16.0.1" "$@" "https://$name/$path"
}
served_by() { # served_by NODE NAME - the backend that a name leads to, by its certificate's name
	on "$1" openssl s_client -connect 172.16.0.1:443 -servername "$2" </dev/null 2>/dev/null |
		sed -n 's/^subject=.*CN *= *//p'
}
ended() { # ended REASON - connections that ended so
	pgw -j stats show relay | jq -r --arg reason "$1" \
		'[.. | objects | select(.reason? == $reason) | .connections] | add // 0'
}
ended_are() {
	[ "$(ended "$1")" -ge "$2" ]
}

for node in near far; do
	note "from $node"
	equal "pcc-1" "$(served_by $node pcc-1.example.net)" "vc"
	equal "vrops.pcc-1" "$(served_by $node vrops.pcc-1.example.net)" "esx1"
	equal "nsx, in another case" "$(served_by $node nSX.Example.net)" "esx1"
	equal "who the server sees" "$(name $node pcc-1.example.net source)" 10.10.0.2
	equal "bytes" "$(name $node pcc-1.example.net data/5000000 | sha256sum | cut -d' ' -f1)" \
		"$(name $node pcc-1.example.net sha256/5000000)"
done

note "what backends say to the relay is no business of the datapath's, which does not even get to see it"
kernel=$(portgroup_figure vsphere kernel-packets)
equal "bytes" "$(name far pcc-1.example.net data/20000000 | wc -c)" 20000000
kernel=$(($(portgroup_figure vsphere kernel-packets) - kernel))
if [ "$(pgw -j portgroup show vsphere | jq -r '.[0]["offload-state"]')" != off ]; then
	at_least "a few at most of packets of the relay's connection" 20 $kernel
fi

note "a backend that speaks the PROXY protocol knows the client, through source NAT"
told() { # told NODE PORT - what it says of a client with that port of its own
	name "$1" told.example.net "" --local-port "$2"
}
wait_for 10 "haproxy answers" told near 40001
equal "near" "$(told near 40002)" "172.16.0.50:40002 to 172.16.0.1:443"
equal "far" "$(told far 40003)" "192.168.50.10:40003 to 172.16.0.1:443"

note "a client that has said all still gets the answer to it; what it says in pieces, large or small, is all there"
COUNTED='
import socket, sys
sys.path.append(sys.argv[1])
from hello import client_hello
hello = client_hello("counted.example.net")
client = socket.create_connection(("172.16.0.1", 443), 10)
client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
first, piece, n = map(int, sys.argv[2:])
client.sendall(hello[:first])
client.sendall(hello[first:])
for _ in range(n):
	client.sendall(bytes(piece))
client.shutdown(socket.SHUT_WR)
said, heard = len(hello) + n * piece, b""
while got := client.recv(100):
	heard += got
print("all" if int(heard) == said else "%s of %d" % (heard, said))'
for pieces in "5 1 0" "100 10 300" "1 8192 40" "1 3000000 2"; do
	# shellcheck disable=SC2086 # three numbers
	equal "counted, $pieces" \
		"$(on far /usr/bin/python3 -c "$COUNTED" "$(dirname "$0")/../lib" $pieces)" all
done

note "of a short connection the datapath gets to see the SYN, and not the FINs"
looked_at() { # looked_at - packets of clients and of the relay that the program did not forward
	echo $(($(portgroup_figure vrack rcvd-packets) - $(portgroup_figure vrack offload-packets) +
		$(portgroup_figure pgw-inside rcvd-packets) - $(portgroup_figure pgw-inside offload-packets)))
}
closed_are() {
	[ "$(sessions state closed internal-dst-port 443)" -ge "$1" ]
}
if [ "$(pgw -j portgroup show vrack | jq -r '.[0]["offload-state"]')" != off ] &&
	[ "${PGW_TEST_WORKERS:-1}" = 1 ]; then # where there are more, each closes its own
	before=$(looked_at)
	closed=$(sessions state closed internal-dst-port 443)
	for _ in {1..10}; do
		equal "counted" "$(on far /usr/bin/python3 -c "$COUNTED" "$(dirname "$0")/../lib" 200 1 0)" all
	done
	at_least "one a connection, and a few at most beside" 15 $(($(looked_at) - before))
	wait_for 5 "they are closed" closed_are $((closed + 10))
fi

note "who asks for nobody that there is gets an alert, who talks something else nothing"
alert=$(on far openssl s_client -connect 172.16.0.1:443 -servername other.net </dev/null 2>&1 || true)
contains "an unknown name" "$alert" "unrecognized name"
alert=$(on near openssl s_client -connect 172.16.0.1:443 -noservername </dev/null 2>&1 || true)
contains "no name" "$alert" "unrecognized name"
refused "plain HTTP" web near http://172.16.0.1:443/source -m 3
refused "a stranger" name stranger pcc-1.example.net source -m 2
wait_for 5 "unknown-name is counted" ended_are unknown-name 1
wait_for 5 "no-name is counted" ended_are no-name 1
wait_for 5 "not-tls is counted" ended_are not-tls 1
wait_for 5 "the datapath keeps strangers away" drops_at_least not-allowed 1

note "a relay that is killed is started again; who connects meanwhile waits"
pid=$(pgw -j stats show relay | jq .pid)
kill -STOP "$pid"
spawn waiting near curl -sS -k -m 10 --resolve pcc-1.example.net:443:172.16.0.1 \
	https://pcc-1.example.net/source
kill -KILL "$pid"
finish waiting || fail "the client that came meanwhile was not served: $(cat "$WORK/waiting.err")"
equal "who waited was served" "$(cat "$WORK/waiting.out")" 10.10.0.2
refused "the same pid" test "$(pgw -j stats show relay | jq .pid)" = "$pid"

note "a change: without names it is an ordinary service again, and the links go"
gateway_reload <(gateway_config)
equal "of the datapath alone" "$(served_by far other.net)" vc
refused "links" on gw ip link show pgwin0
gateway_stop
