/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/pgw/remote.h"

#include <errno.h>
#include <string.h>

#include "tools/pgw/message.h"

json_t *remote_operation(const char *op)
{
	return json_pack("{s:s}", "op", op);
}

static int not_reachable(const struct pgw *pgw, int code, const struct ctl_error *error)
{
	const char *rundir = pgw->options.rundir ? pgw->options.rundir : CTL_DEFAULT_RUNDIR;
	const char *advice = "start it; else name its run directory with -r";

	if (code == -EACCES || code == -EPERM)
		advice = "start it; else run pgw as root";
	if (code == -ENAMETOOLONG)
		message_error("%s", error->text);
	else
		message_error("cannot reach pgwd at %s/%s: %s; is pgwd running? If not, %s", rundir,
			      CTL_SOCKET_NAME, strerror(-code), advice);
	return EXIT_REFUSED;
}

int remote_try(struct pgw *pgw, json_t *request, json_t **answer, int *fds, struct ctl_error *error)
{
	int code;

	*answer = NULL;
	*error = (struct ctl_error){.text = ""};
	code = pgw->client ? 0 : ctl_connect(&pgw->client, pgw->options.rundir, error);
	if (!code)
		code = ctl_request(pgw->client, request, answer, fds, error);
	json_decref(request);
	if (!code && !*answer)
		code = -EPROTO;
	return code;
}

int remote_ask(struct pgw *pgw, json_t *request, json_t **answer, int *fds,
	       struct ctl_error *refusal)
{
	struct ctl_error error;
	int code;

	*answer = NULL;
	if (refusal)
		refusal->text[0] = '\0';
	if (!request) {
		message_error("out of memory, or text that is not UTF-8");
		return EXIT_REFUSED;
	}
	code = remote_try(pgw, request, answer, fds, &error);
	if (!code)
		return EXIT_DONE;
	if (!pgw->client)
		return not_reachable(pgw, code, &error);
	if (code == -EREMOTEIO && pgw->options.json && json_object_get(*answer, "missed"))
		emit_value(print_emit(pgw->printer), *answer);
	json_decref(*answer);
	*answer = NULL;
	if (code != -EREMOTEIO) {
		remote_close(pgw);
		message_error("%s", error.text[0] ? error.text : strerror(-code));
	} else if (refusal) {
		*refusal = error;
		if (!refusal->text[0])
			strcpy(refusal->text, "the gateway refused without a reason");
	} else {
		message_error("%s", error.text);
	}
	return EXIT_REFUSED;
}

void remote_close(struct pgw *pgw)
{
	ctl_close(pgw->client);
	pgw->client = NULL;
}
