#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Whose tasks are asked for: each tree has its own, what does not exist has none; why one failed.
#
# shellcheck source=tests/api/common.sh
. "$(dirname "$0")/common.sh"
api_private_gateway
more=$(declare -f api_config | sed '1s/api_config/api_config_one/')
eval "$more"
api_config() {
	api_config_one
	echo 'datacenter add 2 service-name pcc-192-0-2-1 name dc2'
	echo 'datacenter add 3 service-name pcc-192-0-2-2 name dc3'
	echo "api add $WORK/http.sock scheme http"
}
api_start
expect "the API" api_python gw task_trees.py
gateway_stop
