#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Tunnels: group "chisel" of tests/tunnel/cases.py.
#
# shellcheck source=tests/lib/tunnel_cases.sh
. "$(dirname "$0")/../lib/tunnel_cases.sh"
tunnel_cases chisel
