#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Tunnels: group "connector" of tests/tunnel/cases.py, with pgw-relay alone, on the loopback of a
# namespace of its own.
set -euo pipefail
TOP=$(cd "$(dirname "$0")/../.." && pwd)
for program in ssh sshpass go; do
	if ! command -v "$program" >/dev/null; then
		echo "SKIPPED: $program is missing: packages of kind test"
		exit 77
	fi
done
exec unshare -n bash -c 'ip link set lo up; exec python3 "$0" "$1"' "$TOP/tests/tunnel/cases.py" connector
