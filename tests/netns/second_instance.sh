#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A second pgwd on the same run directory says so and leaves the first one alone.
#
#   gw: pgwd, and another pgwd -r with the same directory
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start
servers_start vc
gateway_start
hold_start session far 172.16.0.1 7

message=$(gateway_refused "$WORK/pgw.conf")
contains "its message names the directory" "$message" "$WORK/run"
contains "and says what is wrong" "$message" "already"
hold_goes_on session
hold_end session
equal "new requests" "$(web far http://172.16.0.1/source)" 10.10.0.2
gateway_stop
