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
api_npm
api_private_gateway
api_start
servers_start vc
cp "$WORK/state/api-certificate.pem" "$WORK/ca.pem"

client() { # client PACKAGE COMMAND [ARGUMENT…] - from the Internet, as an operator would
	on near env NODE_PATH="$MODULES/node_modules" NODE_EXTRA_CA_CERTS="$WORK/ca.pem" \
		API_KEYS="$WORK/keys.json" API_HOST=198.51.100.1 API_PORT=8443 \
		node "$API/clients.js" "$@"
}
reaches() { # reaches ADDRESS [SECONDS] - vSphere, through the gateway
	[ "$(web near "http://$1/source" --max-time "${2:-20}")" = 10.10.0.2 ]
}

for package in ovh @ovhcloud/node-ovh; do
	note "$package"
	expect "what is there" client "$package" look
	expect "from the Internet" reaches 198.51.100.1
	refused "not from the private side" reaches 172.16.0.1 1
	expect "enable" client "$package" enable 172.16.0.1 255.255.255.0 vrack
	expect "from the private side" reaches 172.16.0.1
	refused "no more from the Internet" reaches 198.51.100.1 1
	expect "disable" client "$package" disable
	expect "from the Internet again" reaches 198.51.100.1
	refused "no more from the private side" reaches 172.16.0.1 1
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
