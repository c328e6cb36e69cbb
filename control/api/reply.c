/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/api/reply.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "control/ctl/frame.h"

#define HEAD_BYTES 1400

static const struct {
	unsigned status;
	const char *text, *class, *code;
} statuses[] = {
	{200, "OK", NULL, NULL},
	{303, "See Other", NULL, NULL},
	{400, "Bad Request", "Client::BadRequest", "INVALID_ARGUMENT"},
	{403, "Forbidden", "Client::Forbidden", "FORBIDDEN"},
	{404, "Not Found", "Client::NotFound", "NOT_FOUND"},
	{405, "Method Not Allowed", "Client::MethodNotAllowed", "METHOD_NOT_ALLOWED"},
	{409, "Conflict", "Client::Conflict", "CONFLICT"},
	{413, "Content Too Large", "Client::BadRequest", "CONTENT_TOO_LARGE"},
	{414, "URI Too Long", "Client::BadRequest", "URI_TOO_LONG"},
	{417, "Expectation Failed", "Client::BadRequest", "EXPECTATION_FAILED"},
	{429, "Too Many Requests", "Client::TooManyRequests", "TOO_MANY_REQUESTS"},
	{431, "Request Header Fields Too Large", "Client::BadRequest", "HEADER_TOO_LARGE"},
	{500, "Internal Server Error", "Server::InternalServerError", "INTERNAL_ERROR"},
	{501, "Not Implemented", "Client::BadRequest", "NOT_IMPLEMENTED"},
	{503, "Service Unavailable", "Server::ServiceUnavailable", "SERVICE_UNAVAILABLE"},
	{505, "HTTP Version Not Supported", "Client::BadRequest", "HTTP_VERSION"},
};

static size_t find(unsigned status)
{
	size_t n = sizeof(statuses) / sizeof(statuses[0]);

	for (size_t i = 0; i < n; i++)
		if (statuses[i].status == status)
			return i;
	return status == 500 ? 0 : find(500);
}

void reply_query_id(char text[REPLY_QUERY_ID_BYTES])
{
	uint64_t number;

	/* It only has to be told apart from others in the log. */
	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		number = (uint64_t)time(NULL);
	snprintf(text, REPLY_QUERY_ID_BYTES, "pgw.api.%016" PRIx64, number);
}

void reply_json(struct reply *reply, json_t *value)
{
	char *body = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

	json_decref(value);
	if (!body) {
		reply_error(reply, 500, NULL, "The answer cannot be written");
		return;
	}
	free(reply->body);
	reply->status = 200;
	reply->type = "application/json; charset=utf-8";
	reply->body = body;
}

/* What a client is told; the status' own text where there is no memory. */
static json_t *message_of(const char *message, const char *otherwise)
{
	json_t *value = json_string(message);
	char *copy = value ? NULL : strdup(message);

	if (copy) {
		frame_ascii(copy);
		value = json_string(copy);
	}
	free(copy);
	return value ? value : json_string(otherwise);
}

void reply_error(struct reply *reply, unsigned status, const char *code, const char *message)
{
	size_t i = find(status);
	char http_code[48];
	json_t *error;

	snprintf(http_code, sizeof(http_code), "%u %s", statuses[i].status, statuses[i].text);
	error = json_pack("{s:s, s:s, s:s, s:o}", "class", statuses[i].class, "errorCode",
			  code ? code : statuses[i].code, "httpCode", http_code, "message",
			  message_of(message, statuses[i].text));
	free(reply->body);
	reply->status = statuses[i].status;
	reply->type = "application/json; charset=utf-8";
	reply->body = json_dumps(error, JSON_COMPACT);
	json_decref(error);
}

void reply_refused(struct reply *reply, const json_t *answer)
{
	static const struct {
		const char *word;
		unsigned status;
		const char *code;
	} words[] = {
		{"not-found", 404, NULL}, {"conflict", 409, NULL},  {"invalid", 400, NULL},
		{"busy", 409, "BUSY"},	  {"forbidden", 403, NULL}, {"unavailable", 503, NULL},
	};
	const char *word = json_string_value(json_object_get(answer, "code"));
	const char *text = json_string_value(json_object_get(answer, "error"));

	for (size_t i = 0; word && i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(word, words[i].word) != 0)
			continue;
		/* What is wrong with the gateway itself, where its files lie, is its operator's. */
		if (words[i].status >= 500)
			text = "The gateway cannot do this now; its log has the reason, beside "
			       "this "
			       "answer's X-Ovh-QueryID";
		reply_error(reply, words[i].status, words[i].code, text ? text : word);
		return;
	}
	reply_error(reply, 500, NULL, "The gateway refused; its log has the reason");
}

void reply_free(struct reply *reply)
{
	free(reply->body);
	reply->body = NULL;
}

char *reply_text(const struct reply *reply, const char *query_id, bool keep_alive, bool head_only,
		 size_t *bytes)
{
	size_t body_bytes = reply->body ? strlen(reply->body) : 0;
	char *text = malloc(HEAD_BYTES + body_bytes), date[40];
	time_t now = time(NULL);
	struct tm parts;
	size_t used;

	if (!text)
		return NULL;
	gmtime_r(&now, &parts);
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &parts);
	used = (size_t)snprintf(
		text, HEAD_BYTES,
		"HTTP/1.1 %u %s\r\nDate: %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
		"X-Ovh-QueryID: %s\r\nCache-Control: no-store\r\nX-Content-Type-Options: "
		"nosniff\r\n"
		"Connection: %s\r\n",
		reply->status, statuses[find(reply->status)].text, date,
		reply->type ? reply->type : "application/json; charset=utf-8", body_bytes, query_id,
		keep_alive ? "keep-alive" : "close");
	if (*reply->allow)
		used += (size_t)snprintf(text + used, HEAD_BYTES - used, "Allow: %s\r\n",
					 reply->allow);
	if (*reply->location)
		used += (size_t)snprintf(text + used, HEAD_BYTES - used, "Location: %s\r\n",
					 reply->location);
	if (reply->type && strncmp(reply->type, "text/html", 9) == 0)
		used += (size_t)snprintf(
			text + used, HEAD_BYTES - used,
			"Content-Security-Policy: default-src 'none'; style-src "
			"'unsafe-inline'\r\n"
			"X-Frame-Options: DENY\r\nReferrer-Policy: no-referrer\r\n");
	memcpy(text + used, "\r\n", 2);
	used += 2;
	if (body_bytes && !head_only) {
		memcpy(text + used, reply->body, body_bytes);
		used += body_bytes;
	}
	*bytes = used;
	return text;
}
