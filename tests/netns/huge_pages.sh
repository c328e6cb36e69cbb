#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A large flow table lies in huge pages: the machine's parameter is set where it says never, and given
# back; datapath and pgwd that were killed leave both as they are. A small table asks for nothing.
#
#   near 172.16.0.50 ─ gw, offload off ─ vc 10.10.0.10
#
# Other gateways may run on this machine: who holds the record's lock keeps the parameter.
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
PARAMETER=/sys/kernel/mm/transparent_hugepage/shmem_enabled
RECORD=/run/pgw/huge-pages
[ -w "$PARAMETER" ] || skip "this kernel has no huge pages for shared memory"
topology_start
servers_start vc

chosen() {
	sed 's/.*\[\(.*\)\].*/\1/' "$PARAMETER"
}

huge_kib() { # huge_kib PID - of its flow table
	awk '/pgw-flow-table/ { table = 1; next } /^[0-9a-f]+-/ { table = 0 }
		table && /^ShmemPmdMapped:/ { kib += $2 } END { print kib + 0 }' "/proc/$1/smaps"
}

# in_huge_pages - if this machine, whose memory may be full or in pieces, has one for anybody
in_huge_pages() {
	[ "$(huge_kib "$(datapath_pid)")" -ge 2048 ] || ! any_huge_page
}

any_huge_page() {
	python3 - <<-PYTHON
	import mmap, os, re, sys
	fd = os.memfd_create("probe")
	os.ftruncate(fd, 16 << 20)
	memory = mmap.mmap(fd, 16 << 20)
	memory.madvise(mmap.MADV_HUGEPAGE)
	for at in range(0, 16 << 20, 4096):
	    memory[at] = 1
	probe = open("/proc/self/smaps").read().split("memfd:probe", 1)[1]
	sys.exit(int(re.search(r"ShmemPmdMapped: *([0-9]+)", probe)[1]) == 0)
	PYTHON
}

doctor_says() { # doctor_says TEXT
	{ pgw -j doctor || true; } | jq -e --arg text "$1" \
		'any(.[]; .check == "huge-pages" and .state == "ok" and (.text | contains($text)))'
}

config() { # config CAPACITY
	gateway_config | sed '/^portgroup add/s/$/ offload off/'
	echo "set flow-capacity $1"
}

# before - what the parameter is without any gateway
before=$(chosen)
if [ "$before" = advise ] && [ "$(cat "$RECORD" 2>/dev/null)" = never ]; then
	before=never
fi

note "a small table"
config 1024 >"$WORK/small.conf"
gateway_start "$WORK/small.conf"
expect "the doctor says so" doctor_says "none: the flow table of"
refused "the table is not asked to have huge pages" eval \
	'grep -A 30 pgw-flow-table "/proc/$(datapath_pid)/smaps" | grep -m 1 VmFlags | grep " hg "'
gateway_stop

note "a large one"
config 131072 >"$WORK/large.conf"
gateway_start "$WORK/large.conf"
hold_start session near 172.16.0.1 7
case $before in
never)
	equal "the parameter" "$(chosen)" advise
	expect "the doctor tells" doctor_says "shmem_enabled is advise, set by pgwd, never before"
	;;
deny)
	equal "the administrator's choice" "$(chosen)" deny
	expect "the doctor tells" doctor_says "none: shmem_enabled is deny; the flow table of"
	;;
*)
	equal "the administrator's choice" "$(chosen)" "$before"
	expect "the doctor tells" doctor_says "shmem_enabled is $before; the flow table has"
	;;
esac
[ "$before" = deny ] || expect "the datapath has it in huge pages" in_huge_pages
expect "the server answers" ping_from near 10.10.0.10 -c 1
traffic near udp-fill 10.10.0.10 30000 2048
wait_for 10 "the sessions are there" eval '[ "$(gateway_figure flows)" -ge 2048 ]'
at_least "sessions listed" "$(sessions)" 2048

note "the datapath is killed"
former=$(datapath_pid)
kill -KILL "$former"
wait_for 10 "another one runs" other_datapath "$former"
hold_goes_on session
at_least "sessions" "$(sessions)" 2048
[ "$before" = deny ] || expect "it has them in huge pages" in_huge_pages

note "pgwd is killed"
stop pgwd KILL
[ "$before" != never ] || equal "the parameter stays" "$(chosen)" advise
gateway_start "$WORK/pgw.conf"
hold_goes_on session
at_least "sessions" "$(sessions)" 2048
[ "$before" = deny ] || expect "the datapath has them in huge pages" in_huge_pages
[ "$before" != never ] || expect "pgwd knows that it is the one who set it" doctor_says "set by pgwd, never before"
hold_end session
gateway_stop

# at_rest - what is chosen while no gateway runs; fails as long as one does
at_rest() {
	flock -n -x "$RECORD" sed 's/.*\[\(.*\)\].*/\1/' "$PARAMETER"
}
if [ "$before" = never ]; then
	if ! value=$(at_rest); then
		note "another gateway on this machine keeps it"
	else
		equal "given back" "$value" never
	fi
else
	equal "as it was" "$(chosen)" "$before"
fi
