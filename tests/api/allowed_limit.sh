#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# At most 2048 allowed networks: by the API, by the command line, by a file.
#
# shellcheck source=tests/api/common.sh
. "$(dirname "$0")/common.sh"

list() { # list COUNT - so many networks
	local i
	for ((i = 0; i < $1; i++)); do
		echo "allow add 10.$((100 + i / 256)).$((i % 256)).0/24"
	done
}
more=$(declare -f api_config | sed '1s/api_config/api_config_few/')
eval "$more"
api_config() {
	api_config_few | grep -v '^allow'
	list 2046
}
api_start
expect "the API" api_python gw allowed_limit.py

note "the command line"
said_no() { # said_no COMMAND… - it is refused, and 2048 is named
	! "$@" >"$WORK/said" 2>&1 && grep -q 2048 "$WORK/said"
}
expect "the 2049th" said_no pgw allow add 203.0.113.9/32
equal "nothing is added" "$(pgw -j allow show | jq length)" 2048
pgw allow del 203.0.113.5/32
begin=${EPOCHREALTIME/[.,]/}
pgw allow add 203.0.113.10/32
note "the last one was added in $(((${EPOCHREALTIME/[.,]/} - begin) / 1000)) ms"
equal "it is there" "$(pgw -j allow show | jq length)" 2048
pgw allow del 203.0.113.10/32
printf 'allow add 203.0.113.%d/32\n' 11 12 >"$WORK/two"
expect "a batch of two where there is room for one" said_no pgw -batch "$WORK/two"
contains "the line that failed" "$(<"$WORK/said")" "two:2"
equal "the first is there" "$(pgw -j allow show | jq length)" 2048

note "a file"
{
	pgw -j config show | jq -r .text
	echo "allow add 203.0.113.13/32"
} >"$WORK/more.conf"
expect "with 2049" said_no pgw config check "$WORK/more.conf"
gateway_stop
