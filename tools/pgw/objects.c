/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/pgw/objects.h"

const struct pgw_object *const pgw_objects[] = {
	&portgroup_object,   &address_object,	 &route_object,	      &pool_object,
	&nat_object,	     &datacenter_object, &service_object,     &allow_object,
	&vrack_block_object, &vmac_object,	 &server_object,      &tunnel_gateway_object,
	&tunnel_key_object,  &tunnel_object,	 &endpoint_object,    &api_object,
	&ntp_object,	     &relay_object,	 &application_object, &credential_object,
	&audit_object,	     &set_object,	 &gateway_object,     &task_object,
	&hosts_object,	     &session_object,	 &client_object,      &neighbour_object,
	&stats_object,	     &config_object,	 &monitor_object,     &replay_object,
	&explain_object,     &doctor_object,	 &version_object,     &help_object,
};
const size_t n_pgw_objects = sizeof(pgw_objects) / sizeof(pgw_objects[0]);
