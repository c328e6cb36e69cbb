/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/api/exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/api/schema.h"
#include "control/api/translate.h"
#include "control/ctl/log.h"

#define UNREACHABLE "The gateway's control daemon does not answer, try again"

static void finish(struct exchange *exchange)
{
	if (exchange->finished)
		return;
	exchange->finished = true;
	exchange->done(exchange, exchange->context);
}

static void refuse(struct exchange *exchange, unsigned status, const char *code,
		   const char *message)
{
	reply_error(&exchange->reply, status, code, message);
	finish(exchange);
}

static void html(struct exchange *exchange, unsigned status, char *page)
{
	if (!page) {
		refuse(exchange, 503, NULL, "Out of memory, try again");
		return;
	}
	exchange->reply.status = status;
	exchange->reply.type = "text/html; charset=utf-8";
	exchange->reply.body = page;
	finish(exchange);
}

void exchange_base(const struct exchange *exchange, char *text, size_t bytes)
{
	snprintf(text, bytes, "%s://%s" API_BASE_PATH, exchange->origin.tls ? "https" : "http",
		 exchange->http->value[HTTP_HOST]);
}

static void ask(struct exchange *exchange, json_t *request, upstream_done *done, bool changes)
{
	struct upstream *upstream =
		changes ? &exchange->upstreams->change : &exchange->upstreams->read;

	if (!upstream_ask(upstream, request, done, exchange, exchange->now_ms))
		refuse(exchange, 503, NULL, UNREACHABLE);
	json_decref(request);
}

static bool is_ok(const json_t *answer)
{
	return json_is_true(json_object_get(answer, "ok"));
}

/* Return: false, and it is finished, if there is no answer or it is a refusal. */
static bool accepted(struct exchange *exchange, const json_t *answer)
{
	if (!answer) {
		refuse(exchange, 503, NULL, UNREACHABLE);
		return false;
	}
	if (is_ok(answer))
		return true;
	reply_refused(&exchange->reply, answer);
	if (exchange->reply.status >= 500)
		ctl_log(TOLD_API_CALL, LOG_ERR, "api: %s: %s", exchange->query_id,
			json_string_value(json_object_get(answer, "error")) ?: "no reason");
	finish(exchange);
	return false;
}

/* Return: whether @answer says that something which was given is wrong; then it is finished. */
static bool given_wrong(struct exchange *exchange, const json_t *answer)
{
	const char *code = json_string_value(json_object_get(answer, "code"));
	const char *error = json_string_value(json_object_get(answer, "error"));
	char *message;

	if (!answer || is_ok(answer) || !code || strcmp(code, "invalid") != 0 || !error)
		return false;
	message = translate_refusal(exchange->route.call, error);
	refuse(exchange, 400, NULL, message ? message : error);
	free(message);
	return true;
}

static void on_answer(void *context, const json_t *answer)
{
	struct exchange *exchange = context;
	json_t *value;

	if (given_wrong(exchange, answer) || !accepted(exchange, answer))
		return;
	value = translate_answer(exchange->route.call, exchange->route.given, answer);
	if (value)
		reply_json(&exchange->reply, value);
	else
		reply_error(&exchange->reply, 404, NULL, "This object does not exist");
	finish(exchange);
}

/* An unknown application or a signature that is not its own is what somebody who guesses sends. */
static void not_granted(struct exchange *exchange, const char *access, const json_t *answer)
{
	const char *message =
		json_string_value(json_object_get(answer, is_ok(answer) ? "message" : "error"));
	bool request_wrong =
		strcmp(access, "INVALID_SIGNATURE") == 0 || strcmp(access, "QUERY_TIME_OUT") == 0;

	exchange->unproven = strcmp(access, "NOT_GRANTED_CALL") != 0;
	refuse(exchange, request_wrong ? 400 : 403, access, message ? message : access);
}

/* Whether what was given is what the call takes; finished if not. */
static bool checked(struct exchange *exchange)
{
	struct route *route = &exchange->route;

	if (route->kind == ROUTE_CALL &&
	    check_body(route->call, exchange->http->body, exchange->http->body_bytes, route->given,
		       &route->error) &&
	    check_required(route->call, route->given, &route->error))
		return true;
	refuse(exchange, 400, NULL, route->error.text);
	return false;
}

static void perform(struct exchange *exchange)
{
	const struct api_call *call = exchange->route.call;
	bool changes = strcmp(call->method, "GET") != 0;
	json_t *request;

	request = translate_request(call, exchange->route.given);
	if (changes) {
		json_object_set_new(request, "by", json_string(exchange->by));
		json_object_set_new(request, "from", json_string(exchange->origin.from));
	}
	if (strncmp(call->op, "credential-", 11) == 0)
		json_object_set_new(request, "credential", json_integer(exchange->credential));
	/* The name of a machine may be left out in the path form; its address stands for it. */
	if (strcmp(call->op, "virtual-mac-address-add") == 0 && !json_object_get(request, "name"))
		json_object_set(request, "name", json_object_get(request, "ip"));
	if (strcmp(call->op, "allowed-network-add") == 0 &&
	    !json_object_get(request, "description"))
		json_object_set_new(request, "description", json_string(""));
	ask(exchange, request, on_answer, changes);
}

/* Whether @item is a task that only an admin could have asked for: to do it again is to ask again.
 */
static bool is_admins(const json_t *item)
{
	const char *type = json_string_value(json_object_get(item, "type"));

	return type && strcmp(type, "allowedNetwork") == 0;
}

/* Whether what the path names is where the path says. */
static void on_guard(void *context, const json_t *answer)
{
	struct exchange *exchange = context;
	const json_t *item;

	if (!accepted(exchange, answer))
		return;
	item = json_array_get(json_object_get(answer, "items"), 0);
	if (!item)
		refuse(exchange, 404, NULL, "This object does not exist");
	else if (exchange->role < API_ADMIN && is_admins(item))
		refuse(exchange, 403, "NOT_GRANTED_CALL",
		       "The application's role does not permit this call: tasks of allowed "
		       "networks need the role admin");
	else
		perform(exchange);
}

static enum api_role role_of(const char *name)
{
	for (enum api_role role = API_ADMIN; role > API_ANYONE; role--)
		if (name && strcmp(name, api_role_name(role)) == 0)
			return role;
	return API_ANYONE;
}

static void on_identity(void *context, const json_t *answer)
{
	struct exchange *exchange = context;
	const char *access, *by;

	if (!accepted(exchange, answer))
		return;
	access = json_string_value(json_object_get(answer, "access"));
	by = json_string_value(json_object_get(answer, "by"));
	snprintf(exchange->by, sizeof(exchange->by), "%s", by ? by : "");
	exchange->credential = json_integer_value(json_object_get(answer, "credential"));
	if (!access || strcmp(access, "ok") != 0) {
		not_granted(exchange, access ? access : "NOT_CREDENTIAL", answer);
		return;
	}
	exchange->role = role_of(json_string_value(json_object_get(answer, "role")));
	if (exchange->role < exchange->route.call->role) {
		refuse(exchange, 403, "NOT_GRANTED_CALL",
		       "The application's role does not permit this call");
		return;
	}
	if (!checked(exchange))
		return;
	if (exchange->route.call->guard)
		ask(exchange, translate_guard(exchange->route.call, exchange->route.given),
		    on_guard, false);
	else
		perform(exchange);
}

static void add_url(json_t *urls, const char *scheme, const char *host, size_t host_bytes,
		    unsigned port, const char *target)
{
	char text[HTTP_TARGET_BYTES_MAX + HTTP_VALUE_BYTES + 32];
	json_t *url;

	if (port)
		snprintf(text, sizeof(text), "%s://%.*s:%u%s", scheme, (int)host_bytes, host, port,
			 target);
	else
		snprintf(text, sizeof(text), "%s://%.*s%s", scheme, (int)host_bytes, host, target);
	for (size_t i = 0; i < json_array_size(urls); i++)
		if (strcmp(json_string_value(json_array_get(urls, i)), text) == 0)
			return;
	url = json_string(text);
	json_array_append_new(urls, url);
}

/*
 * The URLs that a client may have signed: with the port and without it, and with the scheme that
 * it saw, which is another one than ours behind something that ends TLS for us.
 */
static json_t *signed_urls(const struct exchange *exchange)
{
	static const char *const schemes[] = {"https", "http"};
	const char *host = exchange->http->value[HTTP_HOST], *target = exchange->http->target;
	const char *colon = strrchr(host, ':');
	size_t bare = colon && !strchr(colon, ']') ? (size_t)(colon - host) : strlen(host);
	json_t *urls = json_array();

	for (unsigned i = 0; i < 2; i++) {
		const char *scheme = schemes[exchange->origin.tls ? i : 1 - i];

		add_url(urls, scheme, host, bare, 0, target);
		add_url(urls, scheme, host, strlen(host), 0, target);
		if (exchange->origin.port)
			add_url(urls, scheme, host, bare, exchange->origin.port, target);
	}
	return urls;
}

static void authenticate(struct exchange *exchange)
{
	const struct http *http = exchange->http;
	json_t *body, *request;

	if (!http->given[HTTP_APPLICATION]) {
		refuse(exchange, 403, "INVALID_KEY", "Header X-Ovh-Application is missing");
		return;
	}
	if (!http->given[HTTP_CONSUMER] || !http->given[HTTP_TIMESTAMP] ||
	    !http->given[HTTP_SIGNATURE]) {
		refuse(exchange, 403, "NOT_CREDENTIAL",
		       "You must login first: headers X-Ovh-Consumer, X-Ovh-Timestamp and "
		       "X-Ovh-Signature are required");
		return;
	}
	body = json_stringn(http->body ? http->body : "", http->body_bytes);
	if (!body || (http->body && strlen(http->body) != http->body_bytes)) {
		json_decref(body);
		refuse(exchange, 400, NULL, "The body must be JSON in UTF-8");
		return;
	}
	request = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o}", "op",
			    "authenticate", "application", http->value[HTTP_APPLICATION],
			    "consumer", http->value[HTTP_CONSUMER], "timestamp",
			    http->value[HTTP_TIMESTAMP], "signature", http->value[HTTP_SIGNATURE],
			    "method", http->method, "path", exchange->route.path, "from",
			    exchange->origin.from, "urls", signed_urls(exchange), "body", body);
	ask(exchange, request, on_identity, false);
}

/* The application's key is all that proves who asks, so a wrong one is a guess. */
static void on_credential(void *context, const json_t *answer)
{
	const char *code = json_string_value(json_object_get(answer, "code"));

	if (answer && !is_ok(answer) && code && strcmp(code, "forbidden") == 0)
		not_granted(context, "INVALID_KEY", answer);
	else
		on_answer(context, answer);
}

static void request_credential(struct exchange *exchange)
{
	json_t *request;
	char base[HTTP_VALUE_BYTES + 16];

	if (!exchange->http->given[HTTP_APPLICATION]) {
		refuse(exchange, 403, "INVALID_KEY", "Header X-Ovh-Application is missing");
		return;
	}
	if (!checked(exchange))
		return;
	exchange_base(exchange, base, sizeof(base));
	request = translate_request(exchange->route.call, exchange->route.given);
	json_object_set_new(request, "application",
			    json_string(exchange->http->value[HTTP_APPLICATION]));
	json_object_set_new(request, "from", json_string(exchange->origin.from));
	json_object_set_new(request, "base", json_string(base));
	ask(exchange, request, on_credential, true);
}

static void on_credential_page(void *context, const json_t *answer)
{
	struct exchange *exchange = context;
	const json_t *item = json_array_get(json_object_get(answer, "items"), 0);
	const char *state = json_string_value(json_object_get(item, "state"));

	if (!answer)
		html(exchange, 503, page_message(UNREACHABLE));
	else if (!is_ok(answer) || !state || strcmp(state, "pendingValidation") != 0)
		html(exchange, 404,
		     page_message("This credential does not exist, or is not to be validated."));
	else
		html(exchange, 200, page_credential(item, exchange->form.token, NULL));
}

static void on_validated(void *context, const json_t *answer)
{
	struct exchange *exchange = context;
	const char *redirection = json_string_value(json_object_get(answer, "redirection"));
	const char *why = json_string_value(json_object_get(answer, "error"));

	if (!answer) {
		html(exchange, 503, page_message(UNREACHABLE));
	} else if (!is_ok(answer)) {
		exchange->unproven = true;
		html(exchange, 403, page_message(why ? why : "Refused."));
	} else if (redirection && strlen(redirection) < sizeof(exchange->reply.location)) {
		snprintf(exchange->reply.location, sizeof(exchange->reply.location), "%s",
			 redirection);
		html(exchange, 303, page_message("Done."));
	} else {
		html(exchange, 200, page_message("Done. This window can be closed."));
	}
}

static void show_page(struct exchange *exchange)
{
	const struct http *http = exchange->http;
	bool post = strcmp(http->method, "POST") == 0;
	const char *query = strchr(http->target, '?');

	page_read(&exchange->form, post ? http->body : query ? query + 1 : NULL);
	if (!*exchange->form.token) {
		html(exchange, 404, page_message("Which credential? The link is not whole."));
		return;
	}
	if (!post) {
		ask(exchange,
		    json_pack("{s:s, s:s}", "op", "credential-show", "token", exchange->form.token),
		    on_credential_page, false);
		return;
	}
	ask(exchange,
	    json_pack("{s:s, s:s, s:s, s:b, s:s, s:s}", "op", "credential-approve", "token",
		      exchange->form.token, "code", exchange->form.code, "refuse",
		      strcmp(exchange->form.action, "refuse") == 0, "by", "validation page", "from",
		      exchange->origin.from),
	    on_validated, true);
}

static void route(struct exchange *exchange)
{
	char base[HTTP_VALUE_BYTES + 16];
	struct route *found = &exchange->route;

	exchange_base(exchange, base, sizeof(base));
	route_find(found, exchange->http->method, exchange->http->target);
	switch (found->kind) {
	case ROUTE_NOT_FOUND:
		refuse(exchange, 404, NULL, found->error.text);
		break;
	case ROUTE_METHOD:
		snprintf(exchange->reply.allow, sizeof(exchange->reply.allow), "%s", found->allow);
		refuse(exchange, 405, NULL, "This method is not one of those of this path");
		break;
	case ROUTE_INDEX:
		reply_json(&exchange->reply, schema_index(base));
		finish(exchange);
		break;
	case ROUTE_SCHEMA:
		reply_json(&exchange->reply, schema_resource(found->resource, base));
		finish(exchange);
		break;
	case ROUTE_PAGE:
		show_page(exchange);
		break;
	case ROUTE_CALL:
	case ROUTE_WRONG:
		if (found->call->role != API_ANYONE) {
			authenticate(exchange);
		} else if (found->call->op) {
			request_credential(exchange);
		} else if (found->kind == ROUTE_WRONG) {
			refuse(exchange, 400, NULL, found->error.text);
		} else {
			reply_json(&exchange->reply, json_integer(time(NULL)));
			finish(exchange);
		}
		break;
	}
}

void exchange_begin(struct exchange *exchange)
{
	const struct http *http = exchange->http;

	reply_query_id(exchange->query_id);
	if (http->state == HTTP_BAD)
		refuse(exchange, http->status, NULL, http->wrong);
	else
		route(exchange);
}

void exchange_cancel(struct exchange *exchange)
{
	exchange->finished = true;
	upstream_forget(&exchange->upstreams->read, exchange);
	upstream_forget(&exchange->upstreams->change, exchange);
}

void exchange_free(struct exchange *exchange)
{
	route_free(&exchange->route);
	reply_free(&exchange->reply);
}
