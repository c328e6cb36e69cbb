/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/ending.h"

#include <errno.h>
#include <inttypes.h>

#include "control/ctl/log.h"
#include "control/fault.h"
#include "control/gateway.h"

static struct ending_question *first_question(struct ending *ending)
{
	return &ending->question[ending->first % ENDING_MAX];
}

int ending_ask(struct gateway *gateway, const struct flow_filter *filter, uint64_t limit,
	       uint64_t *number, struct ctl_error *error)
{
	struct ending *ending = &gateway->ending;

	if (!gateway->datapath.pid)
		return fault(error, -ENOTCONN,
			     "pgw-datapath is not running: it is being started again, try again in "
			     "a moment");
	if (ending->n == ENDING_MAX)
		return fault(error, -EBUSY,
			     "%u requests to end sessions wait already: try again in a moment",
			     ENDING_MAX);
	/* What a datapath says to the question of a former pgwd must not be taken for ours. */
	if (!ending->number)
		ending->number = (uint64_t)gateway_now_ms() << 20;
	*number = ++ending->number;
	ending->question[(ending->first + ending->n++) % ENDING_MAX] =
		(struct ending_question){.number = *number, .limit = limit, .filter = *filter};
	return 0;
}

void ending_told(struct gateway *gateway, const struct channel_message *message)
{
	struct ending *ending = &gateway->ending;

	if (message->type == CHANNEL_ENDED) {
		if (!ending->asked || message->u.ended.number != first_question(ending)->number)
			return;
		ending->done = true;
		ending->ended = message->u.ended.ended;
		return;
	}
	/* Of no revision that was ever sent. */
	if (message->u.swept.revision > gateway->revision &&
	    message->u.swept.revision != gateway->revision_under_way)
		return;
	if (message->u.swept.revision > ending->swept_revision)
		ending->swept_ended = 0;
	ending->swept_revision = message->u.swept.revision;
	ending->swept_ended += message->u.swept.ended;
	ending->swept = true;
}

static bool lost(const struct gateway *gateway)
{
	return gateway->ending.asked && gateway->ending.asked != gateway->datapath.pid;
}

bool ending_due(const struct gateway *gateway)
{
	const struct ending *ending = &gateway->ending;

	return ending->swept || ending->done || lost(gateway) || (ending->n && !ending->asked);
}

static void hand_on_swept(struct gateway *gateway)
{
	uint64_t ended = gateway->ending.swept_ended, revision = gateway->ending.swept_revision;

	gateway->ending.swept = false;
	gateway->ending.swept_ended = 0;
	if (ended)
		gateway_tell(gateway, TOLD_SESSIONS_ENDED, LOG_INFO,
			     json_pack("{s:I, s:I}", "count", (json_int_t)ended, "revision",
				       (json_int_t)revision),
			     "revision %" PRIu64 " ended %" PRIu64 " sessions", revision, ended);
	server_swept(gateway->server, revision, ended);
}

/* The first question is answered. */
static void finish(struct gateway *gateway, int code, const struct ctl_error *error)
{
	struct ending *ending = &gateway->ending;
	uint64_t number = first_question(ending)->number;

	ending->first++;
	ending->n--;
	ending->asked = 0;
	ending->done = false;
	server_ended(gateway->server, number, ending->ended, code, error);
}

static void ask_first(struct gateway *gateway)
{
	const struct ending_question *first = first_question(&gateway->ending);
	struct channel_message question = {.type = CHANNEL_FLOWS_END};
	struct ctl_error error;
	int code;

	question.u.flows.number = first->number;
	question.u.flows.limit = first->limit;
	question.u.flows.filter = first->filter;
	gateway->ending.asked = gateway->datapath.pid;
	code = peer_ask(&gateway->datapath.peer, &question, NULL, 0, NULL, NULL, &error);
	if (code)
		finish(gateway, code, &error);
	if (gateway->datapath.peer.broken)
		gateway_datapath_lost(gateway, error.text);
}

void ending_work(struct gateway *gateway)
{
	struct ending *ending = &gateway->ending;
	struct ctl_error error = {.text = ""};

	if (ending->swept)
		hand_on_swept(gateway);
	if (ending->done)
		finish(gateway, 0, NULL);
	if (lost(gateway)) {
		fault(&error, -ECONNRESET,
		      "pgw-datapath was started again meanwhile: not all of these sessions may "
		      "have ended, try again");
		finish(gateway, -ECONNRESET, &error);
	}
	if (ending->n && !ending->asked)
		ask_first(gateway);
}
