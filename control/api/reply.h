/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reply - what goes back to a client: a status and a body, errors in the API's own form. */
#ifndef PGW_API_REPLY_H
#define PGW_API_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#define REPLY_QUERY_ID_BYTES 40u

struct reply {
	unsigned status;
	char *body;	    /* malloc'ed; NULL: none */
	const char *type;   /* of the content */
	char allow[64];	    /* of a 405 */
	char location[600]; /* of a 303 */
};

/* reply_query_id() - a new one: "pgw.api.0123456789abcdef" */
void reply_query_id(char text[REPLY_QUERY_ID_BYTES]);

/* reply_json() - 200 with @value, which is taken over; 500 if it is NULL */
void reply_json(struct reply *reply, json_t *value);

/**
 * reply_error() - an error in the API's form
 * @code: "INVALID_SIGNATURE", …; NULL: the one that the status usually has
 */
void reply_error(struct reply *reply, unsigned status, const char *code, const char *message);

/* reply_refused() - the error that a refusal of pgwd is: its "code" decides the status. */
void reply_refused(struct reply *reply, const json_t *answer);

void reply_free(struct reply *reply);

/**
 * reply_text() - the whole answer as it goes out
 * @head_only: the body is left out, as HEAD wants it
 * Return: malloc'ed, @bytes its length; NULL without memory.
 */
char *reply_text(const struct reply *reply, const char *query_id, bool keep_alive, bool head_only,
		 size_t *bytes);

#endif
