/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fuzz/translation.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "control/api/translate.h"

void translation_check(const struct route *route)
{
	json_t *request, *answer;
	char *text;

	if (!route->call->op)
		return;
	request = translate_request(route->call, route->given);
	text = json_dumps(request, JSON_COMPACT);
	assert(text); /* whatever was accepted can be said to pgwd */
	free(text);
	json_decref(request);
	if (route->call->guard)
		json_decref(translate_guard(route->call, route->given));
	answer = json_pack("{s:[{s:i}], s:{}}", "items", "task-id", 1, "task");
	json_decref(translate_answer(route->call, route->given, answer));
	json_decref(answer);
	text = translate_refusal(route->call, "operation \"x\" needs member \"ip\", a string");
	assert(text && strncmp(text, "Missing parameter \"", 19) == 0);
	free(text);
}
