# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# common.sh - a gateway with an API, an application and a credential. Sourced by the tests of this
# directory.
#
# The API is served at https://gateway.test:8443 (gw, any address), http://127.0.0.1:8080 (gw) and at
# WORK/http.sock. WORK/keys.json has the keys of application "admin" for client.py and clients.js.

# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
API=$TOP/tests/api

api_config() { # what is added to gateway_config()
	gateway_config
	cat <<-CONFIG
	portgroup add public dev eth3 realm internet
	address add 198.51.100.1/24 portgroup public
	datacenter add 1 service-name pcc-192-0-2-1 name dc1
	server add ns1.example.net portgroup vrack
	vrack-block add 172.16.0.128/28
	api add 0.0.0.0:8443 scheme https host-name gateway.test
	api add 127.0.0.1:8080 scheme http
	api add $WORK/http.sock scheme http
	CONFIG
}

api_start() { # api_start - the gateway, and keys
	topology_start
	ip -n "$(node gw)" link set lo up
	cable gw eth3 near internet
	ip -n "$(node near)" addr add 198.51.100.9/24 dev internet
	api_config >"$WORK/pgw.conf"
	gateway_start "$WORK/pgw.conf"
	api_keys admin admin >"$WORK/keys.json"
}

api_keys() { # api_keys APPLICATION ROLE [rule METHOD PATH]… - a new application's keys, as JSON
	local application=$1 role=$2
	shift 2
	pgw -j application add "$application" role "$role" >"$WORK/application.json"
	pgw -j credential add "$application" "$@" >"$WORK/credential.json"
	jq -s '.[0] * .[1]' "$WORK/application.json" "$WORK/credential.json"
}

api_python() { # api_python NODE SCRIPT [ARGUMENT…] - with what it needs to call the API
	local where=$1 script=$2
	shift 2
	API_WORK=$WORK API_PGW="$PGW_BIN/pgw -r $WORK/run" PYTHONDONTWRITEBYTECODE=1 \
		HYPOTHESIS_STORAGE_DIRECTORY=$WORK/hypothesis \
		on "$where" /usr/bin/python3 "$API/$script" "$@"
}

# shellcheck disable=SC2317 # it is called by api_start
api_private_gateway() { # instead of gateway_config(): services that move with the private gateway, at once
	api_config() {
		cat <<-CONFIG
		portgroup add vrack dev eth1 realm private
		portgroup add vsphere dev eth2 realm vsphere
		portgroup add public dev eth3 realm internet
		address add 198.51.100.1/24 portgroup public
		address add 10.10.0.2/24 portgroup vsphere
		pool add default external-ip-address 10.10.0.2 ports 16384-65535
		nat add 10 from 0.0.0.0/0 to 10.10.0.0/24 pool default
		datacenter add 1 service-name pcc-192-0-2-1 name dc1
		server add ns1.example.net portgroup public
		service add web address 198.51.100.1 protocol tcp port 80 backend 10.10.0.10:80 datacenter 1
		allow add 198.51.100.0/24 description "office"
		allow add 172.16.0.0/24 description "vRack"
		api add 0.0.0.0:8443 scheme https host-name gateway.test
		api add 127.0.0.1:8080 scheme http
		set duplicate-detection off
		CONFIG
	}
}

MODULES=$TOP/build/npm
api_npm() { # install the npm packages of package-lock.json into MODULES
	# shellcheck source=tests/lib/build.sh
	. "$TOP/tests/lib/build.sh"
	# A Node.js from elsewhere than Debian brings its own npm, beside which Debian's cannot be installed.
	if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
		install_packages node
	fi
	if cmp -s "$API/package-lock.json" "$MODULES/package-lock.json" && [ -d "$MODULES/node_modules/ovh" ]; then
		return
	fi
	# Two tests may want it at once: whoever comes first makes it.
	(
		flock 9
		[ ! -d "$MODULES/node_modules/ovh" ] || exit 0
		mkdir -p "$MODULES.new"
		cp "$API/package.json" "$API/package-lock.json" "$MODULES.new/"
		quietly "$TOP/build/logs/npm.log" \
			npm ci --prefix "$MODULES.new" --ignore-scripts --no-audit --no-fund || exit 1
		rm -rf "$MODULES"
		mv "$MODULES.new" "$MODULES"
	) 9>"$TOP/build/npm.lock" || fail "the clients cannot be installed: see build/logs/npm.log"
}
