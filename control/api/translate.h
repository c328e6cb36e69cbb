/* SPDX-License-Identifier: GPL-2.0-or-later */
/* translate - between calls of the API and operations of the control socket. */
#ifndef PGW_API_TRANSLATE_H
#define PGW_API_TRANSLATE_H

#include <jansson.h>

#include "control/api/table.h"

/**
 * translate_request() - the operation that does @call
 * @given: what path, query and body gave, by parameter name
 */
json_t *translate_request(const struct api_call *call, const json_t *given);

/* translate_guard() - the operation that is asked before that one, where the call has one */
json_t *translate_guard(const struct api_call *call, const json_t *given);

/**
 * translate_answer() - what @call answers
 * @answer: of pgwd, to that operation, with ok:true
 * Return: a new reference; NULL: what the path names is not there.
 */
json_t *translate_answer(const struct api_call *call, const json_t *given, const json_t *answer);

/**
 * translate_refusal() - pgwd's message that @call was given something wrong, in the call's words
 * @error: begins with the control request's member, or says which one is missing
 * Return: malloc'ed; NULL without memory.
 */
char *translate_refusal(const struct api_call *call, const char *error);

#endif
