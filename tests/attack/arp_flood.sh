#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# ARP requests of 220 addresses of the network, from another link address each time: flows keep their
# next hops, and new ones find theirs. docs/attacks.md says what more addresses than the kernel's table
# holds do.
#
# shellcheck source=tests/attack/common.sh
. "$(dirname "$0")/common.sh"
attack_run esx1 arp
expect "a server that nobody has spoken to yet is found" ping_from far 10.10.0.21
