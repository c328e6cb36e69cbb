#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Bulk data over TLS arrives as it was sent, and travels in segmentation-offload packets.
#
#   far 192.168.50.10 ─ router ─ gw service 443 ─ vc 10.10.0.10
#   near 172.16.0.50 ────────────┘
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start
servers_start vc
gateway_start

kernel_packets() { # kernel_packets DEVICE rx|tx - of the gateway, a super-packet counted once
	on gw cat "/sys/class/net/$1/statistics/$2_packets"
}

bytes=$((64 << 20))
for client in far near; do
	in=$(kernel_packets eth2 rx)
	out=$(kernel_packets eth1 tx)
	wire=$(portgroup_figure vsphere rcvd-packets)
	intact $client https://172.16.0.1 $bytes
	in=$(($(kernel_packets eth2 rx) - in))
	out=$(($(kernel_packets eth1 tx) - out))
	# XDP sees single frames, and has their senders make such
	if [ "${PGW_TEST_OFFLOAD:-}" != xdp ] && [ "${PGW_TEST_IO:-}" != xdp ]; then
		at_least "bytes a packet that came in, more than any wire packet has" $((bytes / in)) 6000
		at_least "bytes a packet that went out" $((bytes / out)) 6000
	fi
	at_least "packets counted, as on the wire" \
		$(($(portgroup_figure vsphere rcvd-packets) - wire)) $((bytes / 1460))
done

head -c $bytes /dev/urandom >"$WORK/upload"
sum=$(sha256sum <"$WORK/upload")
equal "upload as the server got it" \
	"$(web far https://172.16.0.1/sink -H Expect: --data-binary "@$WORK/upload")" \
	"$bytes ${sum%% *}"
equal "oversized packets dropped" "$(drops truncated)" 0
