/* SPDX-License-Identifier: GPL-2.0-or-later */
/* answer - what the gateway answers to requests of the control socket. */
#ifndef PGW_CONTROL_ANSWER_H
#define PGW_CONTROL_ANSWER_H

#include "control/ctl/request.h"
#include "control/gateway.h"

extern const struct request_ops answer_ops; /* their gateway is a struct gateway */

/* answer_reload() - read the file again and apply it, as on SIGHUP. Logs what comes of it. */
void answer_reload(struct gateway *gateway);

/* answer_go_back() - make an earlier configuration run and answer as a change does. */
int answer_go_back(struct gateway *gateway, const struct config *wanted,
		   struct history_order *order, struct request_result *result);

/**
 * answer_apply() - make @wanted the running configuration, for a task
 * @by: on whose behalf; "": nobody's
 * @note: what it is for
 * Return: 0 or -errno with @error set.
 */
int answer_apply(struct gateway *gateway, const struct config *wanted, const char *by,
		 const char *note, struct ctl_error *error);

/* answer_error_text() - "FILE:LINE:COL: text", as far as these are known. */
void answer_error_text(const struct ctl_error *error, char *text, size_t bytes);

#endif
