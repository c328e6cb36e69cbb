/* SPDX-License-Identifier: GPL-2.0-or-later */
/* answer_history - operations on revisions: shown, compared, confirmed, gone back to. */
#ifndef PGW_CONTROL_ANSWER_HISTORY_H
#define PGW_CONTROL_ANSWER_HISTORY_H

#include "control/ctl/request.h"
#include "control/gateway.h"

/* Operations, see struct request_ops. */
int answer_config_show(void *gateway, uint64_t revision, struct request_result *result);
int answer_config_diff(void *gateway, const char *text, size_t bytes, uint64_t revision,
		       struct request_result *result);
int answer_config_confirm(void *gateway, const struct request_order *asked,
			  struct request_result *result);
int answer_config_undo(void *gateway, uint64_t revision, const struct request_order *asked,
		       struct request_result *result);
int answer_config_log(void *gateway, uint32_t limit, struct request_result *result);
int answer_monitor(void *gateway, struct request_result *result);

#endif
