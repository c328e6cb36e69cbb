/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * table - every call of the API, every model, every enumeration: described once.
 *
 * Routing (route.c), checking of what comes in (check.c), translation to and from the control
 * protocol (translate.c) and the three schemas (schema.c) all read these tables, so they cannot
 * say different things.
 *
 * Types are named as OVHcloud's schemas name them: string, long, boolean, datetime, ipv4,
 * ipv4Block, password, void, the name of a model or of an enumeration, or any of these
 * followed by [].
 */
#ifndef PGW_API_TABLE_H
#define PGW_API_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#define API_BASE_PATH  "/1.0"
#define API_PARAMS_MAX 8

enum api_where { API_IN_PATH, API_IN_QUERY, API_IN_BODY };

struct api_param {
	const char *name;   /* NULL: no more */
	const char *member; /* of the control request */
	const char *type;
	enum api_where where;
	bool required;
	const char *description;
};

/* How an answer of pgwd becomes the answer of the call. */
enum api_answer {
	API_VOID,     /* null */
	API_NUMBER,   /* a bare integer: member .from */
	API_OBJECT,   /* member .from as a model; "": the answer itself */
	API_PICK,     /* member .pick of each element of array .from */
	API_FIRST,    /* the first element of array .from as a model */
	API_ADDRESSES /* the addresses of the first element of array .from: their .pick, or, without
			 one, as a model the one that the call's path names */
};

enum api_role { API_ANYONE, API_READ, API_OPERATE, API_ADMIN };

struct api_call {
	const char *method; /* NULL: no more */
	const char *path;   /* below the base path, with {parameters} */
	const char *description;
	const char *type; /* of the answer */
	enum api_role role;
	const char *op; /* of the control protocol; NULL: answered here */
	enum api_answer answer;
	const char *from, *pick;
	/* Asked first, with what the path gives; only if it finds something, op is asked, with the
	 * last parameter of the path and the body. NULL: op is asked at once, with everything. */
	const char *guard;
	bool some; /* of API_PICK: there is always an element, unless the path is of nothing */
	struct api_param params[API_PARAMS_MAX + 1];
};

struct api_field {
	const char *name; /* NULL: no more */
	const char *type;
	bool nullable;
	const char *description;
	const char *member; /* in the control protocol; NULL: the name in kebab-case */
};

struct api_model {
	const char *name; /* with its namespace: "dedicatedCloud.Task" */
	const char *description;
	const struct api_field *fields;
};

struct api_enum {
	const char *name;
	const char *description;
	const char *const *values; /* ends with NULL */
};

/* One resource: /1.0/NAME.json shows its calls. */
struct api_resource {
	const char *name;
	const struct api_call *calls;
	const struct api_model *models; /* end with a NULL name */
	const struct api_enum *enums;
};

#define API_RESOURCES 3
extern const struct api_resource api_resources[API_RESOURCES];

/* By name; NULL if there is none. */
const struct api_model *api_model(const char *name);
const struct api_enum *api_enum(const char *name);

/* api_takes() - whether a call takes @model, or an array of it */
bool api_takes(const struct api_model *model);

/* api_settable() - whether a call that takes the model of @field takes @field, rather than ignore
 * it */
bool api_settable(const struct api_field *field);

const char *api_role_name(enum api_role role);

#endif
