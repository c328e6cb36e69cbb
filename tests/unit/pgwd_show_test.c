/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What pgwd shows of rules and pools: the configuration, and what a rule's flows have done. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "control/gateway.h"
#include "control/show.h"
#include "datapath/base/counters.h"
#include "datapath/flow/table.h"

#define CAPACITY 64

static const char text[] =
	"portgroup add a dev eth0 realm private\naddress add 10.0.0.1/24 portgroup a\n"
	"pool add p external-ip-address 10.0.0.1\npool add q external-ip-address 10.0.0.2 "
	"port-quota 9\n"
	"nat add 7 from any to any protocol udp pool p\n"
	"nat add 65535 from any to any nat-pass-through\n";

struct fixture {
	struct gateway gateway;
	struct counters_page *page;
	void *table;
	struct flow *records;
	struct request_result result;
};

static int set_up(void **state)
{
	static const uint8_t key[32];
	struct fixture *f = calloc(1, sizeof(*f));
	size_t bytes = flow_table_bytes(CAPACITY);
	struct config_error error;
	struct flow_table view;

	assert_non_null(f);
	f->page = calloc(1, sizeof(*f->page));
	f->page->workers = f->page->blocks = 1;
	f->table = aligned_alloc(4096, bytes);
	assert_true(f->page && f->table);
	memset(f->table, 0, bytes);
	flow_table_format(f->table, CAPACITY, key, 0);
	assert_int_equal(flow_table_view(&view, f->table, bytes), 0);
	f->records = view.records;
	f->gateway.table = (struct region){.fd = -1, .memory = f->table, .bytes = bytes};
	f->gateway.counters =
		(struct region){.fd = -1, .memory = f->page, .bytes = sizeof(*f->page)};
	config_init(&f->gateway.config);
	assert_int_equal(config_parse(&f->gateway.config, text, strlen(text), &error), 0);
	f->result.answer = json_object();
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	request_result_free(&f->result);
	config_free(&f->gateway.config);
	free(f->page);
	free(f->table);
	free(f);
	return 0;
}

/* A flow as the datapath leaves it in the table. */
static void put_flow(struct fixture *f, uint32_t record, enum flow_state state, uint16_t rule)
{
	struct flow_header *header = f->table;

	f->records[record] = (struct flow){.rule = rule, .packets = {3, 4}, .bytes = {300, 4000}};
	atomic_store(&f->records[record].word, FLOW_WORD(state, 1));
	if (record >= atomic_load(&header->record_high))
		atomic_store(&header->record_high, record + 1);
}

static const json_t *item(struct fixture *f, const char *object, bool statistics, size_t i)
{
	assert_int_equal(show_object(&f->gateway, object, statistics, &f->result), 0);
	return json_array_get(json_object_get(f->result.answer, "items"), i);
}

static json_int_t number(const json_t *object, const char *member)
{
	const json_t *value = json_object_get(object, member);

	assert_true(json_is_integer(value));
	return json_integer_value(value);
}

static void rules_add_live_to_ended(void **state)
{
	struct fixture *f = *state;
	const json_t *rule;

	f->page->worker[0].rule[7] = (struct rule_counters){
		.flows_created = 12, .flows_refused = 5, .packets = 100, .bytes = 1000};
	put_flow(f, 0, FLOW_ACTIVE, 7);
	put_flow(f, 2, FLOW_ACTIVE, 7);
	put_flow(f, 3, FLOW_ACTIVE, 0); /* of no rule */
	put_flow(f, 4, FLOW_EMPTY, 7);	/* it has ended: its packets are in the counters */
	put_flow(f, 5, FLOW_PENDING, 7);
	put_flow(f, 6, FLOW_TOMBSTONE, 7);
	put_flow(f, CAPACITY - 1, FLOW_ACTIVE, 65535);
	rule = item(f, "nat", true, 0);
	assert_int_equal(number(rule, "number"), 7);
	assert_int_equal(number(rule, "flows"), 2);
	assert_int_equal(number(rule, "flows-created"), 12);
	assert_int_equal(number(rule, "flows-refused"), 5);
	assert_int_equal(number(rule, "packets"), 100 + 2 * 7);
	assert_int_equal(number(rule, "bytes"), 1000 + 2 * 4300);
	rule = item(f, "nat", true, 1);
	assert_int_equal(number(rule, "number"), 65535);
	assert_int_equal(number(rule, "flows"), 1);
	assert_int_equal(number(rule, "flows-created"), 0);
	assert_int_equal(number(rule, "packets"), 7);
}

static void rules_without_statistics(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(json_object_size(item(f, "nat", false, 0)), 5);
	memset(f->table, 0xff, sizeof(struct flow_header)); /* it is not even looked at */
	assert_int_equal(json_object_size(item(f, "nat", false, 0)), 5);
	assert_int_not_equal(show_object(&f->gateway, "nat", true, &f->result), 0);
	assert_non_null(strstr(f->result.error.text, "flow table"));
}

static void pools_have_quotas(void **state)
{
	struct fixture *f = *state;

	assert_null(json_object_get(item(f, "pool", false, 0), "port-quota"));
	assert_int_equal(number(item(f, "pool", false, 1), "port-quota"), 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(rules_add_live_to_ended, set_up, tear_down),
		cmocka_unit_test_setup_teardown(rules_without_statistics, set_up, tear_down),
		cmocka_unit_test_setup_teardown(pools_have_quotas, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
