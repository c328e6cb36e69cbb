/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * request - reads one request line, checks it against what its operation takes, calls the
 * gateway, and writes the answer line. Knows nothing of sockets or of the gateway's insides.
 * The operations that every gateway has are in operation.h; others come in lists of its parts.
 *
 * Limits: nesting REQUEST_DEPTH_MAX, REQUEST_STATEMENTS_MAX statements; whatever goes beyond is
 * refused with a message that names the limit.
 */
#ifndef PGW_CTL_REQUEST_H
#define PGW_CTL_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "control/ctl/client.h"
#include "control/ctl/filter.h"
#include "control/ctl/frame.h"

#define REQUEST_DEPTH_MAX      8u
#define REQUEST_STATEMENTS_MAX 65536u
#define REQUEST_MEMBERS_MAX    10

/* What a connection may ask: everything, or on RUNDIR/api.sock what the API offers. */
enum request_role { REQUEST_ROLE_OPERATOR, REQUEST_ROLE_API };
#define REQUEST_COMMENT_BYTES 256u /* final NUL included */
#define REQUEST_BY_BYTES      64u
#define REQUEST_REVERT_S_MAX  86400u

/* Who asks, as the kernel says. */
struct request_peer {
	int pid;
	unsigned uid;
	enum request_role role;
};

/* Who wants a change, why, and under which conditions. */
struct request_order {
	const struct request_peer *peer; /* NULL: not known */
	const char *by;			 /* on whose behalf the peer asks, as it says; NULL */
	const char *comment;		 /* NULL: none */
	bool has_base;
	uint64_t base;	      /* only if this revision still runs */
	uint32_t revert_in_s; /* taken back then unless it is confirmed; 0: it stays */
};

struct request_result {
	json_t *answer;		/* an object; handlers add their members to it */
	struct ctl_error error; /* used where a handler does not return 0 */
	json_t *detail;		/* further members of a refusal; NULL: none */
	json_t *events;		/* monitor: array of events that it gets first; NULL: none */
	int fds[FRAME_FDS_MAX]; /* to go with the answer; owned by the result */
	unsigned n_fds;
	bool monitor;	 /* from now on this client gets events */
	uint64_t sweep;	 /* not 0: answer once the sweep for this revision has been reported */
	uint64_t ending; /* not 0: answer once the sessions of this question have been ended */
};

enum request_flags {
	REQUEST_CHANGES = 1 << 0, /* is logged with who asked */
	REQUEST_API = 1 << 1,	  /* REQUEST_ROLE_API may ask it */
	/* Takes "by" and "from", optional strings: on whose behalf it is asked, and from where. */
	REQUEST_AUTHORED = 1 << 2,
};

/* One operation that a part of the gateway offers, with what its request must look like. A
 * member that is null counts as left out. */
struct request_operation {
	const char *name; /* NULL ends a list of them */
	/* 0 and result->answer is filled, or -errno and result->error is */
	int (*call)(void *gateway, const json_t *request, struct request_result *result);
	unsigned flags; /* enum request_flags */
	struct {
		const char *name;
		json_type type; /* JSON_TRUE: a boolean; JSON_INTEGER: from 0 on */
		bool optional;
	} member[REQUEST_MEMBERS_MAX];
};

/* What a request may ask. Each returns 0 and has filled result->answer, or -errno and has
 * filled result->error. */
struct request_ops {
	int (*version)(void *gateway, struct request_result *result);
	int (*show)(void *gateway, const char *object, bool statistics,
		    struct request_result *result);
	int (*change)(void *gateway, const char *const *statements, size_t n,
		      const struct request_order *order, struct request_result *result);
	/* @revision: 0 = what runs */
	int (*config_show)(void *gateway, uint64_t revision, struct request_result *result);
	int (*config_check)(void *gateway, const char *text, size_t bytes,
			    struct request_result *result);
	/* @text: NULL = that of @revision */
	int (*config_diff)(void *gateway, const char *text, size_t bytes, uint64_t revision,
			   struct request_result *result);
	int (*config_apply)(void *gateway, const char *text, size_t bytes,
			    const struct request_order *order, struct request_result *result);
	int (*config_confirm)(void *gateway, const struct request_order *order,
			      struct request_result *result);
	/* @revision: to go back to, 0 = the one before */
	int (*config_undo)(void *gateway, uint64_t revision, const struct request_order *order,
			   struct request_result *result);
	int (*config_log)(void *gateway, uint32_t limit, struct request_result *result);
	int (*config_save)(void *gateway, struct request_result *result);
	int (*stats)(void *gateway, bool all, struct request_result *result);
	int (*neighbour)(void *gateway, struct request_result *result);
	int (*session_table)(void *gateway, struct request_result *result);
	/* @filter: without portgroup, pool and service, whose names are in @text; at most @limit */
	int (*session_end)(void *gateway, const struct flow_filter *filter,
			   const struct filter_text *text, uint64_t limit,
			   struct request_result *result);
	int (*monitor)(void *gateway, struct request_result *result);
	/* An operation that changes something has come back with @code; may be NULL. */
	void (*changed)(void *gateway, const struct request_peer *peer, const char *operation,
			const json_t *request, int code, const struct request_result *result);
	/* Lists of further operations, ended by NULL; may be NULL. */
	const struct request_operation *const *more;
};

/* The values that "object" of operation show may have; ends with NULL. */
extern const char *const request_objects[];

/**
 * request_handle() - one request line to its result
 * @peer: named in the log where the operation changes something, and judged by its role; NULL:
 *        nothing is logged, everything is permitted
 * Always leaves a result that request_answer() can write.
 * Return: 0 done, -errno refused.
 */
int request_handle(const char *line, size_t length, const struct request_ops *ops, void *gateway,
		   const struct request_peer *peer, struct request_result *result);

/* request_failed() - set result->error. Return: @code. */
int request_failed(struct request_result *result, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* request_code() - the word for programs that stands beside the text of a refusal. */
const char *request_code(int code);

/* request_answer() - the answer line for @code and @result, malloc'ed; NULL without memory. */
char *request_answer(int code, const struct request_result *result);

/* request_result_free() - closes descriptors that are still in it. */
void request_result_free(struct request_result *result);

#endif
