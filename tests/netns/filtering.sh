#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Who may use a mapping from outside: eif anyone, adf the hosts that were spoken to, edf only
# their very ports.
#
#   near 172.16.0.50 ─ gw 10.10.0.2:P ─┬─ vc   10.10.0.10  spoken to at port 7
#                                      └─ esx1 10.10.0.21  never spoken to
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start
servers_start vc

# probe TYPE PORT - a mapping of near:PORT, then a datagram to it from vc:7777 and esx1:7777
probe() {
	local external refused=2
	traffic_spawn "$1" near udp-listen "$2" --first 10.10.0.10:7
	wait_for 5 "near has a mapping" said "$1" "10.10.0.10 7 "
	external=$(awk '{ print $3; exit }' "$WORK/$1.out")
	before=$(drops filtered)
	traffic vc udp-send 10.10.0.2 "$external" other-port --bind 7777
	traffic esx1 udp-send 10.10.0.2 "$external" other-host --bind 7777
	case $1 in
	eif) refused=0 ;;
	adf) refused=1 ;;
	esac
	wait_for 5 "$1: both datagrams are through or counted" settled "$1" $refused
	equal "$1: refused under filtered" $(($(drops filtered) - before)) $refused
	stop "$1"
}

settled() { # settled NAME REFUSED - 2 - REFUSED have arrived, REFUSED are counted
	[ "$(grep -c other- "$WORK/$1.out")" = $((2 - $2)) ] && drops_at_least filtered $((before + $2))
}

port=4000
for type in edf adf eif; do
	gateway_config | sed "s/filtering-type edf/filtering-type $type/" >"$WORK/$type.conf"
	if [ $type = edf ]; then
		gateway_start "$WORK/$type.conf"
	else
		gateway_reload "$WORK/$type.conf"
	fi
	probe $type $port
	port=$((port + 1))
done
refused "adf: the unknown host was the refused one" grep -q other-host "$WORK/adf.out"
