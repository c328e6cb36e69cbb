#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# 50 reloads, by SIGHUP and by "pgw config apply": a transfer and a session that the changes do
# not concern go on.
#
#   far 192.168.50.10 ─ router ─ gw, reloading ─ vc 10.10.0.10
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start
servers_start vc
gateway_start

# far more than is fetched before the reloads are over, however slow they are
hold_start session far 172.16.0.1 7
spawn download far curl -sS -f -k --limit-rate 8M "https://172.16.0.1/data/$((64 << 30))"
wait_for 5 "the download runs" test -s "$WORK/download.out"
created=$(gateway_figure flows-created)
revision=$(gateway_figure revision)
for turn in $(seq 25); do
	{
		gateway_config
		echo "allow add 10.99.$turn.0/24"
	} >"$WORK/turn.conf"
	gateway_reload "$WORK/turn.conf"
	pgw config apply <(gateway_config) >/dev/null
done
equal "revisions made" $(($(gateway_figure revision) - revision)) 50
running download || fail "the download broke: $(cat "$WORK/download.err")"

hold_goes_on session
stop download
bytes=$(stat -c %s "$WORK/download.out")
at_least "bytes of the download" "$bytes" 1000000
sum=$(sha256sum <"$WORK/download.out")
equal "SHA-256 of the download" "${sum%% *}" "$(web far "https://172.16.0.1/sha256/$bytes")"
hold_end session
equal "sessions ended by changes" "$(gateway_figure flows-ended)" 0
equal "sessions made meanwhile: the one that asked for the sum" \
	$(($(gateway_figure flows-created) - created)) 1
