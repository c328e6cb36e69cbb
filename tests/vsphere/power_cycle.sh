#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A real vSphere client works a simulated vCenter through the service address: log in, list the
# inventory, power a machine off and on. Once its network is not allowed any more: refused.
#
#   far 192.168.50.10, pyvmomi ─ router ─ gw 172.16.0.1:443 ─ vc 10.10.0.10, govmomi's simulator
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
simulator=$TOP/build/vsphere-simulator
password=$(openssl rand -hex 8)

client() { # client NODE - the exit status is that of client.py
	on "$1" /usr/bin/python3 "$TOP/tests/vsphere/client.py" 172.16.0.1 \
		operator@vsphere.local "$password"
}

if [ ! -x "$simulator" ] || [ "$TOP/tests/vsphere/simulator/main.go" -nt "$simulator" ]; then
	command -v go >/dev/null || skip "needs the packages of kind test, see tests/lib/packages"
	note "building the simulator, once"
	mkdir -p "$TOP/build"
	(cd "$TOP/tests/vsphere/simulator" &&
		CGO_ENABLED=0 GO111MODULE=off GOPATH=/usr/share/gocode GOPROXY=off GOFLAGS='' \
			go build -o "$simulator" .)
fi
topology_start
gateway_start
spawn simulator vc "$simulator" -listen 10.10.0.10:443 -password "$password"
wait_for 10 "the simulator serves" said simulator https://

for client in far near; do
	output=$(client $client) || fail "$client: $output"
	printf '%s\n' "$output"
	contains "$client has powered a machine off" "$output" ": poweredOff"
	contains "and on again" "$output" ": poweredOn"
done
at_least "sessions of service vcenter" "$(sessions service vcenter)" 2

before=$(drops not-allowed)
pgw allow del 192.168.50.0/24
status=0
output=$(client far) || status=$?
equal "exit status of a client that is not allowed (2 = no connection)" "$status" 2
printf '%s\n' "$output"
at_least "packets counted under not-allowed" "$(drops not-allowed)" $((before + 1))
expect "the client that is still allowed" client near
