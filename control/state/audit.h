/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit - who changed what, when, from where, and whether it was permitted.
 *
 * Limit: the newest AUDIT_MAX entries are kept.
 */
#ifndef PGW_STATE_AUDIT_H
#define PGW_STATE_AUDIT_H

#include <stddef.h>
#include <stdint.h>

#include "control/state/state.h"

#define AUDIT_MAX 100000

struct audit {
	int64_t id;
	int64_t time_ms;    /* Unix time */
	char by[80];	    /* "terraform#3" of the API, "root (pid 7)" of the command line */
	char from[48];	    /* an address, or "control socket" */
	char operation[40]; /* of the control protocol */
	char *detail;	    /* its members, as JSON, without secrets; malloc'ed */
	char *result;	    /* "ok", or why it was refused; malloc'ed */
};

/* audit_add() - 0 or -errno. */
int audit_add(struct state *state, const struct audit *entry, struct state_error *error);

/**
 * audit_list() - the newest @limit, the newest last
 * @list: malloc'ed, to be freed by audit_list_free()
 */
int audit_list(struct state *state, size_t limit, struct audit **list, size_t *n,
	       struct state_error *error);
void audit_list_free(struct audit *list, size_t n);

#endif
