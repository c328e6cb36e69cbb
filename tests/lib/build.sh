# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# build.sh - install what is missing and build. Sourced by tests/run, tools/demo and .ci/run.
#
# Wants: TOP, the root of the source tree.

step() { # step TEXT - a progress line
	if [ -t 1 ]; then
		printf '\e[1m==> %s\e[0m\n' "$*"
	else
		printf '==> %s\n' "$*"
	fi
}

# quietly LOG COMMAND… - run it with its output in LOG; show LOG's end if it fails.
quietly() {
	local log=$1
	shift
	mkdir -p "$(dirname "$log")"
	if ! "$@" >"$log" 2>&1 </dev/null; then
		tail -n 40 "$log" >&2
		printf 'Failed: %s\nThe whole output is in %s\n' "$*" "$log" >&2
		return 1
	fi
}

require_root() { # require_root PROGRAM
	if [ "$(id -u)" != 0 ]; then
		echo "$1 makes network namespaces and installs packages: run it as root (sudo $1)." >&2
		exit 1
	fi
}

# install_packages KIND… - install the packages of these kinds (see packages) that are missing.
install_packages() {
	local kind name missing=() wanted
	while read -r kind name; do
		case " $* " in
		*" $kind "*) ;;
		*) continue ;;
		esac
		wanted=$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null) || wanted=
		[ "$wanted" = installed ] || missing+=("$name")
	done <"$TOP/tests/lib/packages"
	if [ ${#missing[@]} = 0 ]; then
		return 0
	fi
	if ! command -v apt-get >/dev/null; then
		echo "Missing: ${missing[*]}. Install them; this system has no apt-get." >&2
		return 1
	fi
	step "installing ${#missing[@]} packages: ${missing[*]}"
	export DEBIAN_FRONTEND=noninteractive
	quietly "$TOP/build/logs/apt-update.log" apt-get update || return 1
	quietly "$TOP/build/logs/apt-install.log" \
		apt-get -y --no-install-recommends install "${missing[@]}"
}

# build_tree DIRECTORY [CMAKE OPTION…] - configure and build the project there.
build_tree() {
	local dir=$1 logs=$1/logs generator=()
	shift
	step "building into $(basename "$dir")/"
	# A directory that someone has configured by hand keeps its generator: cmake refuses another.
	[ -e "$dir/CMakeCache.txt" ] || generator=(-G Ninja)
	quietly "$logs/configure.log" cmake -S "$TOP" -B "$dir" "${generator[@]}" \
		-DCMAKE_BUILD_TYPE=RelWithDebInfo "$@" || return 1
	quietly "$logs/build.log" cmake --build "$dir" -j "$(nproc)"
}
