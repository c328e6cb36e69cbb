#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Where BPF is not permitted, or somebody else's XDP program is there, packets come by the packet
# socket, and that is said once.
#
#   far 192.168.50.10 ─ router ─ gw, without CAP_BPF ─ vc 10.10.0.10
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start
servers_start vc
gateway_config | sed '/^portgroup add/s/$/ offload off io xdp/' >"$WORK/pgw.conf"
gateway_start_without_bpf
equal "request" "$(web far http://172.16.0.1/source)" 10.10.0.2
intact far https://172.16.0.1 10000000
equal "in force" "$(pgw -j portgroup show vrack | jq -r '.[0]["io-state"]')" packet
kill -HUP "${PID[pgwd]}"
equal "request" "$(web far http://172.16.0.1/source)" 10.10.0.2
equal "times that it was said" "$(grep -c 'no AF_XDP' "$WORK/pgwd.err")" 2 # once a portgroup
contains "what helps" "$(grep 'portgroup vrack: no AF_XDP' "$WORK/pgwd.err")" CAP_BPF
gateway_stop
