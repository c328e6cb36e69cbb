/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ending - sessions that the datapath ends: those that a new revision does not admit, and those
 * that are asked for. It tells when it has done so; until then the asker waits (ctl/server.h).
 *
 * Questions of askers wait for each other, as the datapath works on one. A question is lost with
 * the datapath that was asked, and its asker is told so.
 *
 * Limits: ENDING_MAX questions.
 */
#ifndef PGW_CONTROL_ENDING_H
#define PGW_CONTROL_ENDING_H

#include "control/ctl/client.h"
#include "datapath/flow/filter.h"
#include "datapath/process/channel.h"

#define ENDING_MAX 64u

struct gateway;

struct ending {
	bool swept; /* a revision's sweep has ended and has not been handed to the server */
	uint64_t swept_revision, swept_ended;
	struct ending_question {
		uint64_t number, limit;
		struct flow_filter filter;
	} question[ENDING_MAX]; /* a ring */
	unsigned first, n;
	uint64_t number; /* of the last one */
	int asked;	 /* pid of the datapath that works on the first; 0: not asked yet */
	bool done;	 /* it has done so, and ended as many: */
	uint64_t ended;
};

/**
 * ending_ask() - have the datapath end what @filter chooses, @limit at most
 * @number: set; server_ended() will be called with it
 * Return: 0 or -errno with @error set.
 */
int ending_ask(struct gateway *gateway, const struct flow_filter *filter, uint64_t limit,
	       uint64_t *number, struct ctl_error *error);

/* ending_told() - a message of the datapath, SWEPT or ENDED; may come in the middle of an apply. */
void ending_told(struct gateway *gateway, const struct channel_message *message);

/* ending_due() - whether there is something for ending_work() to do now. */
bool ending_due(const struct gateway *gateway);
void ending_work(struct gateway *gateway);

#endif
