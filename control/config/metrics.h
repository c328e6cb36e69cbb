/* SPDX-License-Identifier: GPL-2.0-or-later */
/* metrics - "set metrics …": where figures are served over HTTP. */
#ifndef PGW_CONFIG_METRICS_H
#define PGW_CONFIG_METRICS_H

#include "control/config/edit.h"
#include "control/config/lex.h"
#include "control/config/text.h"

#define METRICS_NAME "metrics"

/* metrics_apply() - @line: "set metrics …". Return: as statement_apply(). */
int metrics_apply(struct edit *edit, const struct line *line, struct config_error *error);

/* metrics_value() - what follows "set metrics " in the statement that makes it so */
void metrics_value(struct config_text *text, const struct config_metrics *metrics);

bool metrics_equal(const struct config_metrics *a, const struct config_metrics *b);

#endif
