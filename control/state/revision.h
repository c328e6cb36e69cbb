/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * revision - the configurations that ran, numbered, with who brought them, when, and how.
 *
 * A number is never used for two configurations that both ran. Bounded: REVISIONS_MAX of them, and
 * REVISIONS_BYTES_MAX of text; the oldest go first. The newest two always stay, and the one that
 * comes back if another is not confirmed (pending.h).
 */
#ifndef PGW_STATE_REVISION_H
#define PGW_STATE_REVISION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/state/state.h"

#define REVISIONS_MAX	    500u
#define REVISIONS_BYTES_MAX (32u << 20)

#define REVISION_USER_BYTES    64
#define REVISION_COMMENT_BYTES 256
#define REVISION_DIGEST_BYTES  32

/* How it came to run. Each is a word of its own in the file: new ones go to the end. */
enum revision_origin {
	REVISION_START,	 /* pgwd was started with it */
	REVISION_RELOAD, /* SIGHUP */
	REVISION_CHANGE, /* statements of the command line, a batch or the API */
	REVISION_APPLY,	 /* a whole file */
	REVISION_UNDO,	 /* somebody went back to an earlier one */
	REVISION_REVERT, /* the one before was not confirmed in time */
	REVISION_ORIGIN_COUNT
};

const char *revision_origin_name(enum revision_origin origin);

struct revision {
	uint64_t number;
	uint64_t same_as; /* the revision whose configuration it is; itself, unless it went back */
	int64_t time_ms;  /* Unix time */
	enum revision_origin origin;
	int64_t uid, pid;		/* of who asked over the control socket; -1: nobody did */
	char user[REVISION_USER_BYTES]; /* their name, or that which the API found out; "" unknown
					 */
	char comment[REVISION_COMMENT_BYTES];
	uint32_t changes; /* statements that differ from the one before */
	bool has_digest;
	uint8_t file_digest[REVISION_DIGEST_BYTES]; /* of the -c file when it began to run */
};

/* revision_add() - keep one with its text; in a transaction of the caller's. 0 or -errno. */
int revision_add(struct state *state, const struct revision *revision, const char *text,
		 struct state_error *error);

/* revision_forget() - it did not come to run after all. 0 or -errno. */
int revision_forget(struct state *state, uint64_t number, struct state_error *error);

/**
 * revision_read() - one of them
 * @text: set to its configuration, malloc'ed; NULL: not wanted
 * Return: 0; -ENOENT it is not kept (@error says which are); other -errno.
 */
int revision_read(struct state *state, uint64_t number, struct revision *revision, char **text,
		  struct state_error *error);

/* revision_last() - the newest. @revision->number is 0 if there is none. 0 or -errno. */
int revision_last(struct state *state, struct revision *revision, struct state_error *error);

/* revision_before() - the newest before @number; as revision_last(). */
int revision_before(struct state *state, uint64_t number, struct revision *revision,
		    struct state_error *error);

/**
 * revision_list() - the newest @limit from @since on, newest first
 * @list: malloc'ed, the caller's
 */
int revision_list(struct state *state, uint64_t since, size_t limit, struct revision **list,
		  size_t *n, struct state_error *error);

#endif
