#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Where BPF is not permitted, the gateway says so once and forwards every packet itself.
#
#   far 192.168.50.10 ─ router ─ gw, without CAP_BPF ─ vc 10.10.0.10
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start
servers_start vc
gateway_config | sed '/^portgroup add/s/$/ offload auto/' >"$WORK/pgw.conf"
gateway_start_without_bpf
equal "request" "$(web far http://172.16.0.1/source)" 10.10.0.2
intact far https://172.16.0.1 10000000
equal "mode in force" "$(pgw -j portgroup show | jq -r '.[0]["offload-state"]')" off
equal "packets that the kernel forwarded" "$(portgroup_figure vsphere offload-packets)" 0
kill -HUP "${PID[pgwd]}"
equal "request" "$(web far http://172.16.0.1/source)" 10.10.0.2
equal "times that it was said" "$(grep -c '^offload: ' "$WORK/pgwd.err")" 1
gateway_stop
