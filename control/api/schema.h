/* SPDX-License-Identifier: GPL-2.0-or-later */
/* schema - the API's own description, from the tables by which calls are routed. */
#ifndef PGW_API_SCHEMA_H
#define PGW_API_SCHEMA_H

#include <jansson.h>

#include "control/api/table.h"

/**
 * schema_resource() - in OVHcloud's format, as /1.0/NAME.json gives it
 * @base: URL of the API: "https://gateway.example/1.0"
 */
json_t *schema_resource(const struct api_resource *resource, const char *base);

/* schema_index() - the list of resources, as /1.0/ gives it */
json_t *schema_index(const char *base);

/* schema_openapi() - all of it, as OpenAPI 3.0 */
json_t *schema_openapi(void);

#endif
