/* SPDX-License-Identifier: GPL-2.0-or-later */
/* session_log - "set session-log …": the one setting that is no number. */
#ifndef PGW_CONFIG_SESSION_LOG_H
#define PGW_CONFIG_SESSION_LOG_H

#include "control/config/edit.h"
#include "control/config/lex.h"
#include "control/config/text.h"

#define SESSION_LOG_NAME "session-log"

/* session_log_apply() - @line: "set session-log …". Return: as statement_apply(). */
int session_log_apply(struct edit *edit, const struct line *line, struct config_error *error);

/* session_log_print() - the statement that makes it so, without its end of line */
void session_log_print(struct config_text *text, const struct config_session_log *log);
/* session_log_value() - what follows "set session-log " in that statement */
void session_log_value(struct config_text *text, const struct config_session_log *log);

bool session_log_equal(const struct config_session_log *a, const struct config_session_log *b);

#endif
