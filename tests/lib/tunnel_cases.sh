# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# tunnel_cases.sh - what a test of tunnels with pgw-relay alone includes.
set -euo pipefail
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# tunnel_cases GROUP - the cases of that group of tests/tunnel/cases.py, on the loopback of a namespace of
# its own, in place of this script
tunnel_cases() {
	local program
	for program in ssh sshpass go; do
		if ! command -v "$program" >/dev/null; then
			echo "SKIPPED: $program is missing: packages of kind test"
			exit 77
		fi
	done
	exec unshare -n bash -c 'ip link set lo up; exec python3 "$0" "$1"' "$TOP/tests/tunnel/cases.py" "$1"
}
