#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The npm packages ovh and @ovhcloud/node-ovh, unmodified, against a live gateway with traffic:
# enable moves the access to the private side, disable moves it back; virtual MACs as they are
# allocated; allowed networks.
#
#   near 172.16.0.50 ── eth1 gw eth2 ── vc 10.10.0.10
#   near 198.51.100.9 ─ eth3 ┘ (internet)
#
# shellcheck source=tests/api/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=tests/lib/build.sh
. "$TOP/tests/lib/build.sh"

# A Node.js from elsewhere than Debian brings its own npm, beside which Debian's cannot be installed.
if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
	install_packages node
fi
MODULES=$TOP/build/npm
if ! cmp -s "$API/package-lock.json" "$MODULES/package-lock.json" || [ ! -d "$MODULES/node_modules/ovh" ]; then
	mkdir -p "$MODULES"
	cp "$API/package.json" "$API/package-lock.json" "$MODULES/"
	quietly "$TOP/build/logs/npm.log" npm ci --prefix "$MODULES" --ignore-scripts --no-audit --no-fund ||
		fail "the clients cannot be installed"
fi
api_config() { # services that move with the private gateway
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
	CONFIG
}
api_start
servers_start vc
cp "$WORK/state/api-certificate.pem" "$WORK/ca.pem"

client() { # client PACKAGE COMMAND [ARGUMENT…] - from the Internet, as an operator would
	on near env NODE_PATH="$MODULES/node_modules" NODE_EXTRA_CA_CERTS="$WORK/ca.pem" \
		API_KEYS="$WORK/keys.json" API_HOST=198.51.100.1 API_PORT=8443 \
		node "$API/clients.js" "$@"
}
reaches() { # reaches ADDRESS - vSphere, through the gateway
	[ "$(web near "http://$1/source" --max-time 3)" = 10.10.0.2 ]
}

for package in ovh @ovhcloud/node-ovh; do
	note "$package"
	expect "what is there" client "$package" look
	expect "from the Internet" reaches 198.51.100.1
	refused "not from the private side" reaches 172.16.0.1
	expect "enable" client "$package" enable 172.16.0.1 255.255.255.0 vrack
	expect "from the private side" reaches 172.16.0.1
	refused "no more from the Internet" reaches 198.51.100.1
	expect "disable" client "$package" disable
	expect "from the Internet again" reaches 198.51.100.1
	refused "no more from the private side" reaches 172.16.0.1
	expect "allowed networks" client "$package" network 203.0.113.0/24
	mac=$(client "$package" vmac 198.51.100.40 ovh web1) || fail "virtual MAC"
	note "ok: virtual MAC $mac"
	expect "a duplicate" client "$package" again 198.51.100.40 ovh web2
	contains "vmac" "$(pgw -j vmac)" "$mac"
	expect "release" client "$package" release "$mac" 198.51.100.40
	equal "it is gone" "$(pgw -j vmac)" "[]"
done
contains "who did it" "$(pgw -j audit)" '"by":"admin#1"'
gateway_stop
