/* SPDX-License-Identifier: GPL-2.0-or-later */
/* route - from method and target to the call that is meant, with what path and query give. */
#ifndef PGW_API_ROUTE_H
#define PGW_API_ROUTE_H

#include "control/api/check.h"
#include "control/api/table.h"

#define ROUTE_SEGMENTS_MAX 16u
#define ROUTE_ALLOW_BYTES  64u

enum route_kind {
	ROUTE_CALL,	 /* @call, with @given */
	ROUTE_SCHEMA,	 /* of @resource */
	ROUTE_INDEX,	 /* the list of schemas */
	ROUTE_PAGE,	 /* where an operator validates a credential */
	ROUTE_NOT_FOUND, /* @error */
	ROUTE_METHOD,	 /* not this method: @allow has those that there are */
	ROUTE_WRONG,	 /* @error names what is wrong */
};

struct route {
	enum route_kind kind;
	const struct api_call *call;
	const struct api_resource *resource;
	json_t *given;	 /* values by parameter name, of the path and the query */
	char path[2100]; /* below the base path, as it came, without the query */
	char allow[ROUTE_ALLOW_BYTES];
	struct check_error error;
};

/* route_find() - @target: as it came, beginning with /. Always to be freed. */
void route_find(struct route *route, const char *method, const char *target);
void route_free(struct route *route);

/* route_decode() - undo percent-encoding in place, '+' included if @form. Return: false if it is
 * broken or stands for NUL. */
bool route_decode(char *text, bool form);

#endif
