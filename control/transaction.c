/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/transaction.h"

#include "control/fault.h"

int transaction_run(const struct transaction_step *steps, size_t n, void *context,
		    struct ctl_error *error)
{
	for (size_t i = 0; i < n; i++) {
		int code = steps[i].take(context, error);

		if (!code)
			continue;
		fault_before(error, steps[i].name);
		while (i--)
			if (steps[i].undo)
				steps[i].undo(context);
		return code;
	}
	return 0;
}
