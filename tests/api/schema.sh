#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The API against its own schema: each call with right and wrong values, huge and odd ones; the OpenAPI
# file of the documentation is what the program prints. API_EXAMPLES=200 tries harder.
#
# shellcheck source=tests/api/common.sh
. "$(dirname "$0")/common.sh"
api_start
"$PGW_BIN/pgw-api" -o >"$WORK/openapi.json"
expect "docs/openapi.json is up to date (pgw-api -o writes it)" \
	diff -u "$TOP/docs/openapi.json" "$WORK/openapi.json"
expect "every call" api_python gw schema.py "$WORK/openapi.json"
equal "pgw-api never ended" "$(grep -c "pgw-api pid .* ended" "$WORK/pgwd.err" || true)" 0
gateway_stop
