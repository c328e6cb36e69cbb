/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fault - sets a message for the operator. */
#ifndef PGW_CONTROL_FAULT_H
#define PGW_CONTROL_FAULT_H

#include "control/ctl/client.h"

/* fault() - replace @error by the text. Return: @code, so that "return fault(…)" reads well. */
int fault(struct ctl_error *error, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* fault_before() - put "@prefix: " before the text. */
void fault_before(struct ctl_error *error, const char *prefix);

#endif
