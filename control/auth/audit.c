/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audit - every change that was asked for, with who asked, is kept in the database. */
#include "control/state/audit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/auth/private.h"
#include "control/ctl/log.h"
#include "control/gateway.h"
#include "control/history_start.h"

#define DETAIL_BYTES_MAX 2000u
#define LIMIT_NORMAL	 100
#define LIMIT_MAX	 10000

/* What a request says beside who asks, without what is secret or long; and which credential it
 * was about, where a secret named it. */
static char *detail_of(const json_t *request, const json_t *answer)
{
	static const char *const hidden[] = {"op",  "by",   "from",  "secret", "consumer",
					     "key", "code", "token", "text"};
	json_t *copy = json_copy((json_t *)request);
	json_t *id = json_object_get(answer, "credential-id");
	char *text;

	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		json_object_del(copy, hidden[i]);
	if (id)
		json_object_set(copy, "credential", id);
	text = json_dumps(copy, JSON_COMPACT);
	if (text && strlen(text) > DETAIL_BYTES_MAX) {
		json_t *brief = json_pack("{s:O*, s:O*}", "credential", id, "left-out",
					  json_object_get(copy, "left-out"));

		free(text);
		text = json_dumps(brief, JSON_COMPACT);
		json_decref(brief);
	}
	json_decref(copy);
	return text;
}

static void who(const struct request_peer *peer, const json_t *request, struct audit *entry)
{
	const char *by = auth_string(request, "by"), *from = auth_string(request, "from");
	const struct request_order asked = {.peer = peer};
	char user[REVISION_USER_BYTES];

	if (*by) {
		snprintf(entry->by, sizeof(entry->by), "%s", by);
	} else {
		history_user(&asked, user); /* not getpwuid(), which crashes without memory */
		snprintf(entry->by, sizeof(entry->by), "%s (pid %d)", user, peer->pid);
	}
	snprintf(entry->from, sizeof(entry->from), "%s", *from ? from : "control socket");
}

static void keep(struct gateway *gateway, const struct request_peer *peer, const char *operation,
		 const json_t *request, int code, const struct request_result *result)
{
	struct audit entry = {.time_ms = auth_now_ms()};
	struct state_error error;

	if (!gateway->state)
		return;
	who(peer, request, &entry);
	snprintf(entry.operation, sizeof(entry.operation), "%s", operation);
	entry.detail = detail_of(request, result->answer);
	entry.result = strdup(code ? result->error.text : "ok");
	if (!entry.detail || !entry.result)
		ctl_log(TOLD_AUDIT, LOG_ERR, "audit: %s by %s is not kept: out of memory",
			operation, entry.by);
	else if (audit_add(gateway->state, &entry, &error))
		ctl_log(TOLD_AUDIT, LOG_ERR, "audit: %s by %s is not kept: %s", operation, entry.by,
			error.text);
	free(entry.detail);
	free(entry.result);
}

/* Something that anybody could cause, if not too much of that is kept already. */
static void keep_some(struct gateway *gateway, const struct request_peer *peer,
		      const char *operation, const json_t *request, int code,
		      const struct request_result *result)
{
	struct auth_anybodys *kept = &gateway->auth.anybodys;
	int64_t now_ms = auth_now_ms();
	json_t *copy;

	if (now_ms < kept->since_ms || now_ms >= kept->since_ms + AUTH_ANYBODYS_MS) {
		kept->since_ms = now_ms;
		kept->n = 0;
	}
	if (kept->n == AUTH_ANYBODYS_MAX) {
		kept->left_out++;
		return;
	}
	kept->n++;
	copy = json_copy((json_t *)request);
	if (kept->left_out)
		json_object_set_new(copy, "left-out", json_integer((json_int_t)kept->left_out));
	kept->left_out = 0;
	keep(gateway, peer, operation, copy, code, result);
	json_decref(copy);
}

/* A token of no credential: nothing was changed, and nothing could have been. */
static void say_guess(struct auth_guesses *guesses, const json_t *request)
{
	int64_t now_ms = auth_now_ms();

	guesses->n++;
	if (now_ms >= guesses->said_ms && now_ms < guesses->said_ms + AUTH_GUESSES_SAY_MS)
		return;
	ctl_log(TOLD_API, LOG_WARNING,
		"api: %llu times a credential was to be validated that does not exist, the last "
		"time from %.64s",
		(unsigned long long)guesses->n, auth_string(request, "from"));
	*guesses = (struct auth_guesses){.said_ms = now_ms};
}

void auth_audit(struct gateway *gateway, const struct request_peer *peer, const char *operation,
		const json_t *request, int code, const struct request_result *result)
{
	bool by_token = strcmp(operation, "credential-approve") == 0;

	if (by_token && code == -ENOENT)
		say_guess(&gateway->auth.guesses, request);
	else if (by_token && code == -EACCES)
		keep_some(gateway, peer, operation, request, code, result);
	else
		keep(gateway, peer, operation, request, code, result);
}

void auth_audit_request(struct gateway *gateway, const struct application *application,
			const json_t *request, const struct request_result *result)
{
	json_t *copy = json_copy((json_t *)request);

	json_object_set_new(copy, "by", json_string(application->name));
	json_object_del(copy, "application");
	keep_some(gateway, NULL, "credential-request", copy, 0, result);
	json_decref(copy);
}

static json_t *item_of(const struct audit *entry)
{
	char text[40];
	time_t at = (time_t)(entry->time_ms / 1000);
	struct tm parts;
	size_t used;

	gmtime_r(&at, &parts);
	used = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
	snprintf(text + used, sizeof(text) - used, ".%03dZ", (int)(entry->time_ms % 1000));
	return json_pack("{s:I, s:s, s:s, s:s, s:s, s:o?, s:s}", "id", (json_int_t)entry->id,
			 "time", text, "by", entry->by, "from", entry->from, "operation",
			 entry->operation, "detail", json_loads(entry->detail, 0, NULL), "result",
			 entry->result);
}

int auth_audit_show(void *context, const json_t *request, struct request_result *result)
{
	const json_t *limit = json_object_get(request, "limit");
	int64_t wanted = limit ? json_integer_value(limit) : LIMIT_NORMAL;
	struct state_error error;
	struct audit *list;
	struct state *state;
	json_t *items;
	size_t n;
	int code = auth_state(context, &state, result);

	if (code)
		return code;
	if (wanted < 1 || wanted > LIMIT_MAX)
		return request_failed(result, -EINVAL, "limit is %lld, expected 1 to %d",
				      (long long)wanted, LIMIT_MAX);
	code = audit_list(state, (size_t)wanted, &list, &n, &error);
	items = json_array();
	for (size_t i = 0; !code && i < n; i++)
		json_array_append_new(items, item_of(&list[i]));
	audit_list_free(list, n);
	json_object_set_new(result->answer, "items", items);
	return code ? auth_failed(result, code, &error) : 0;
}
