/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * session show and session del. Both read the flow table where it lies, so the daemons do
 * nothing for a listing, and a session that ends meanwhile is simply not shown.
 */
#include "tools/pgw/message.h"
#include "tools/pgw/objects.h"
#include "tools/pgw/remote.h"
#include "tools/pgw/session_filter.h"

#define DEL_CHUNK 4096 /* sessions a request; pgwd takes 65536 */

/* What is done with each session that matches. */
struct visit {
	int (*session)(struct visit *visit, const struct session *session); /* not 0: stop */
	struct pgw *pgw;
	const struct session_table *table;
	json_t *chunk;	/* del: [record, word] of those that are not sent yet */
	uint64_t count; /* show: that matched; del: that pgwd ended */
};

/* The sessions that match, in the order of the table. Return: EXIT_DONE or what stopped it. */
static int visit_all(const struct session_table *table, const struct session_filter *filter,
		     struct visit *visit)
{
	uint32_t first = 0, end = table->records;
	uint64_t left = filter->limit_set ? filter->limit : UINT64_MAX;
	int code = EXIT_DONE;

	if (filter->id_set) { /* it names its record */
		first = SESSION_ID_RECORD(filter->id);
		end = first < end ? first + 1 : first;
	}
	for (uint32_t record = first; record < end && left > 0 && code == EXIT_DONE; record++) {
		struct session session;

		if (!session_read(table, record, &session) ||
		    !session_filter_matches(filter, &session))
			continue;
		left--;
		code = visit->session(visit, &session);
	}
	return code;
}

static int count_session(struct visit *visit, const struct session *session)
{
	(void)session;
	visit->count++;
	return EXIT_DONE;
}

static int show_session(struct visit *visit, const struct session *session)
{
	visit->count++;
	session_row(visit->pgw->printer, visit->table, session);
	return EXIT_DONE;
}

static void print_number_only(struct pgw *pgw, const char *member, const char *text,
			      uint64_t number)
{
	struct emit *emit = print_emit(pgw->printer);

	if (pgw->options.json) {
		emit_open(emit, '{');
		emit_key(emit, member);
		emit_number(emit, number);
		emit_close(emit, '}');
		return;
	}
	print_line(pgw->printer, "%llu%s", (unsigned long long)number, text);
}

static int session_show(const struct pgw_call *call)
{
	struct visit visit = {.pgw = call->pgw, .session = show_session};
	struct printer *printer = call->pgw->printer;
	struct session_filter filter;
	struct session_table table;
	int code = session_filter_parse(&filter, call);

	if (code)
		return code;
	code = session_table_open(&table, call->pgw);
	if (code)
		return code;
	visit.table = &table;
	code = session_filter_resolve(&filter, &table);
	if (code == EXIT_DONE && filter.count) {
		visit.session = count_session;
		visit_all(&table, &filter, &visit);
		print_number_only(call->pgw, "count", "", visit.count);
	} else if (code == EXIT_DONE) {
		print_begin(printer, &session_columns);
		visit_all(&table, &filter, &visit);
		print_end(printer);
	}
	session_table_close(&table);
	return code;
}

static int send_chunk(struct visit *visit)
{
	json_t *answer;
	int code;

	if (json_array_size(visit->chunk) == 0)
		return EXIT_DONE;
	code = remote_ask(visit->pgw,
			  json_pack("{s:s, s:O}", "op", "session-end", "sessions", visit->chunk),
			  &answer, NULL, NULL);
	if (code)
		return code;
	if (json_integer_value(json_object_get(answer, "ended")) > 0)
		visit->count += (uint64_t)json_integer_value(json_object_get(answer, "ended"));
	json_decref(answer);
	json_array_clear(visit->chunk);
	return EXIT_DONE;
}

static int del_session(struct visit *visit, const struct session *session)
{
	json_t *pair = json_pack("[I, I]", (json_int_t)session->record, (json_int_t)session->word);

	if (!pair || json_array_append_new(visit->chunk, pair)) {
		message_error("out of memory");
		return EXIT_REFUSED;
	}
	return json_array_size(visit->chunk) < DEL_CHUNK ? EXIT_DONE : send_chunk(visit);
}

static int session_del(const struct pgw_call *call)
{
	struct visit visit = {.pgw = call->pgw, .session = del_session};
	struct session_filter filter;
	struct session_table table;
	int code = session_filter_parse(&filter, call);

	if (code)
		return code;
	if (filter.count)
		return message_wrong("count", "expected a condition, try \"pgw session help\"");
	if (filter.conditions == 0)
		return message_error("argument \"FILTER\" is required, or \"all\"");
	code = session_table_open(&table, call->pgw);
	if (code)
		return code;
	visit.table = &table;
	visit.chunk = json_array();
	code = session_filter_resolve(&filter, &table);
	if (code == EXIT_DONE)
		code = visit_all(&table, &filter, &visit);
	if (code == EXIT_DONE)
		code = send_chunk(&visit);
	if (code == EXIT_DONE && filter.id_set && visit.count == 0) {
		message_error("session \"%llu\" does not exist, or not with these values",
			      (unsigned long long)filter.id);
		code = EXIT_REFUSED;
	} else if (code == EXIT_DONE) {
		print_number_only(call->pgw, "ended",
				  visit.count == 1 ? " session ended" : " sessions ended",
				  visit.count);
	}
	json_decref(visit.chunk);
	session_table_close(&table);
	return code;
}

static const struct pgw_command commands[] = {
	{"show", "list", "[ FILTER ]... [ limit NUMBER ] [ count ]",
	 "list sessions, or count them; -s shows packets and bytes, -d every field", session_show},
	{"del", "delete", "{ FILTER... | all } [ limit NUMBER ]", "end sessions", session_del},
};

const struct pgw_object session_object = {
	.name = "session",
	.text = "what is being translated at this moment",
	OBJECT_COMMANDS(commands),
	.where = SESSION_FILTER_WHERE,
};
