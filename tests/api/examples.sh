#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every example of docs/api.md is run, with curl and with npm's ovh, and there is one for every call.
#
# shellcheck source=tests/api/common.sh
. "$(dirname "$0")/common.sh"
api_npm
api_private_gateway
api_start
servers_start vc
DOCUMENT=$TOP/docs/api.md
calls() { # calls - "METHOD PATH STATUS" of those that pgw-api has logged, apart from the time
	sed -n 's/^api: pgw\.api\.[0-9a-f]* [^ ]* [^ ]* \([A-Z]* [^ ]* [0-9]*\) \[api-call\]$/\1/p' "$WORK/pgwd.err"
}
blocks() { # blocks LANGUAGE - the code of the document
	awk -v fence="\`\`\`$1" '$0 == fence { inside = 1; next } /^```/ { inside = 0 } inside' "$DOCUMENT"
}
value() {
	jq -r --arg name "$1" '.[$name]' "$WORK/keys.json"
}
AK=$(value application-key) AS=$(value application-secret) CK=$(value consumer-key)
export AK AS CK
export CA=$WORK/state/api-certificate.pem

note "npm"
{
	echo "(async () => {"
	blocks js
	echo "})().catch((why) => { console.error(why); process.exitCode = 1; });"
} >"$WORK/examples.js"
expect "JavaScript" on gw env NODE_PATH="$MODULES/node_modules" NODE_EXTRA_CA_CERTS="$CA" \
	API_HOST=127.0.0.1 API_PORT=8443 node "$WORK/examples.js"
calls >"$WORK/js.calls"

note "curl"
{
	echo "set -eo pipefail"
	blocks sh
} >"$WORK/examples.bash"
expect "shell" on gw env API=https://127.0.0.1:8443/1.0 bash "$WORK/examples.bash"
calls | tail -n +"$(($(wc -l <"$WORK/js.calls") + 1))" >"$WORK/sh.calls"
expect "a call of each kind" env API_WORK="$WORK" /usr/bin/python3 "$API/examples.py" \
	"$TOP/docs/openapi.json" "$WORK/sh.calls" "$WORK/js.calls"
gateway_stop
