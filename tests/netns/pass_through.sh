#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A nat rule with nat-pass-through lets traffic through untranslated, other traffic is translated
# as before.
#
#   near 172.16.0.50 ─── pass ────── gw ─ vc 10.10.0.10 sees 172.16.0.50
#   far 192.168.50.10 ─ translated ──┘                  sees 10.10.0.2
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start
servers_start vc
{
	gateway_config
	echo "nat add 5 from 172.16.0.0/24 to 10.10.0.0/24 nat-pass-through"
} >"$WORK/pass.conf"
gateway_start "$WORK/pass.conf"
ip -n "$(node vc)" route add 172.16.0.0/24 via 10.10.0.2

equal "source that the server saw, asked by near" "$(web near http://10.10.0.10/source)" 172.16.0.50
equal "source that the server saw, asked by far" "$(web far http://10.10.0.10/source)" 10.10.0.2
expect "ping, untranslated" ping_from near 10.10.0.10
