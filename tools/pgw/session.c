/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * session show and session del. A listing reads the flow table where it lies, so the daemons do
 * nothing for it, and a session that ends meanwhile is simply not shown. What is to end, pgwd is
 * told by its filter.
 */
#include "tools/pgw/message.h"
#include "tools/pgw/objects.h"
#include "tools/pgw/remote.h"
#include "tools/pgw/session_filter.h"

/* What is done with each session that matches. */
struct visit {
	void (*session)(struct visit *visit, const struct session *session);
	struct pgw *pgw;
	const struct session_table *table;
	uint64_t count; /* that matched */
};

/* The sessions that match, in the order of the table. */
static void visit_all(const struct session_table *table, const struct session_filter *filter,
		      struct visit *visit)
{
	uint32_t first = 0, end = table->records;
	uint64_t left = filter->limit_set ? filter->limit : UINT64_MAX;

	if (filter->text.value[FILTER_ID]) { /* it names its record */
		first = filter->flow.record;
		end = first < end ? first + 1 : first;
	}
	for (uint32_t record = first; record < end && left > 0; record++) {
		struct session session;

		if (!session_read(table, record, &session) ||
		    !session_filter_matches(filter, &session))
			continue;
		left--;
		visit->session(visit, &session);
	}
}

static void count_session(struct visit *visit, const struct session *session)
{
	(void)session;
	visit->count++;
}

static void show_session(struct visit *visit, const struct session *session)
{
	visit->count++;
	session_row(visit->pgw->printer, visit->table, session);
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

static json_t *del_request(const struct session_filter *filter)
{
	json_t *words = json_object();
	json_t *request = json_pack("{s:s, s:o}", "op", "session-end", "filter", words);

	for (unsigned i = 0; i < FILTER_CONDITIONS; i++)
		if (filter->text.value[i])
			json_object_set_new(words, filter_name((enum flow_condition)i),
					    json_string(filter->text.value[i]));
	if (filter->limit_set)
		json_object_set_new(request, "limit", json_integer((json_int_t)filter->limit));
	return request;
}

static int session_del(const struct pgw_call *call)
{
	struct session_filter filter;
	int code = session_filter_parse(&filter, call);
	json_t *answer, *member;
	uint64_t ended;

	if (code)
		return code;
	if (filter.count)
		return message_wrong("count", "expected a condition, try \"pgw session help\"");
	if (filter.conditions == 0)
		return message_error("argument \"FILTER\" is required, or \"all\"");
	code = remote_ask(call->pgw, del_request(&filter), &answer, NULL, NULL);
	if (code)
		return code;
	member = json_object_get(answer, "ended");
	ended = json_integer_value(member) > 0 ? (uint64_t)json_integer_value(member) : 0;
	if (!member) {
		message_error("pgw-datapath has not ended all of them yet: it goes on");
		code = EXIT_REFUSED;
	} else if (filter.text.value[FILTER_ID] && ended == 0) {
		message_error("session \"%s\" does not exist, or not with these values",
			      filter.text.value[FILTER_ID]);
		code = EXIT_REFUSED;
	} else {
		print_number_only(call->pgw, "ended",
				  ended == 1 ? " session ended" : " sessions ended", ended);
	}
	json_decref(answer);
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
