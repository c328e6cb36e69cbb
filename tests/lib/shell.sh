# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shell.sh - what every test script needs: messages, bounded waiting, checks.
#
# A test is a program: exit 0 passed, 77 skipped, anything else failed. It runs alone, too.

note() { # note TEXT - a line of the test's log
	printf -- '-- %s\n' "$*"
}

fail() { # fail TEXT - end the test as failed
	printf 'FAILED: %s\n' "$*" >&2
	exit 1
}

skip() { # skip REASON
	printf 'SKIPPED: %s\n' "$*"
	exit 77
}

# A pipe that never has anything to read: reading it with a time-out waits without a process.
exec {SHELL_NEVER}<> <(:)
pause() { # the interval of a poll
	read -r -t 0.05 -u "$SHELL_NEVER" || true
}

# holds_within SECONDS COMMAND… - poll COMMAND until it succeeds. Return: 1 if it never did.
holds_within() {
	local end=$((${EPOCHREALTIME/[.,]/} + $1 * 1000000))
	shift
	until "$@" >/dev/null 2>&1; do
		if [ "${EPOCHREALTIME/[.,]/}" -gt "$end" ]; then
			return 1
		fi
		pause
	done
}

# wait_for SECONDS WHAT COMMAND… - as holds_within(); the test fails if it never holds. On a shared machine
# anything may take long, and no test is about how long: it is given 20 s at least.
wait_for() {
	local seconds=$(($1 < 20 ? 20 : $1)) what=$2
	shift 2
	holds_within "$seconds" "$@" || fail "not within $seconds s: $what"
}

# expect WHAT COMMAND… - COMMAND must succeed; its output goes to the log.
expect() {
	local what=$1 output
	shift
	if output=$("$@" 2>&1); then
		note "ok: $what"
		if [ -n "$output" ]; then
			sed -n '1,5s/^/     /p' <<<"$output"
		fi
	else
		printf '%s\n' "$output" | tail -n 20 >&2
		fail "$what: $*"
	fi
}

# refused WHAT COMMAND… - COMMAND must fail.
refused() {
	local what=$1 output
	shift
	if output=$("$@" 2>&1); then
		printf '%s\n' "$output" | tail -n 20 >&2
		fail "$what: must fail, but succeeded: $*"
	fi
	note "ok: $what"
}

equal() { # equal WHAT ACTUAL EXPECTED
	[ "$2" = "$3" ] || fail "$1: is \"$2\", expected \"$3\""
	note "ok: $1: $2"
}

at_least() { # at_least WHAT ACTUAL MINIMUM
	[ "$2" -ge "$3" ] || fail "$1: is $2, expected at least $3"
	note "ok: $1: $2"
}

contains() { # contains WHAT TEXT PART
	case $2 in
	*"$3"*) note "ok: $1" ;;
	*) fail "$1: \"$3\" is not in: $2" ;;
	esac
}
