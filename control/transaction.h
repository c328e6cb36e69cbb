/* SPDX-License-Identifier: GPL-2.0-or-later */
/* transaction - steps that are all taken, or none. */
#ifndef PGW_CONTROL_TRANSACTION_H
#define PGW_CONTROL_TRANSACTION_H

#include <stddef.h>

#include "control/ctl/client.h"

struct transaction_step {
	const char *name; /* begins the message where the step fails */
	int (*take)(void *context, struct ctl_error *error); /* 0, or -errno and nothing is left */
	void (*undo)(void *context); /* of a step that was taken; NULL: nothing is to be undone */
};

/**
 * transaction_run() - take @n steps in order
 * If one fails, those taken before it are undone in reverse order and @error names it.
 * Return: 0 or the failing step's -errno.
 */
int transaction_run(const struct transaction_step *steps, size_t n, void *context,
		    struct ctl_error *error);

#endif
