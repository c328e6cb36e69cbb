/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/bench/search.h"

static int attempt(const struct search *search, double rate, search_trial *trial, void *context)
{
	int passed = 0;

	for (unsigned i = 0; i < search->attempts && passed == 0; i++)
		passed = trial(context, rate);
	return passed;
}

double search_run(struct search search, search_trial *trial, void *context)
{
	double rate = search.high, best = 0;

	while (search.trials-- > 0) {
		int passed = attempt(&search, rate, trial, context);

		if (passed < 0)
			return -1;
		if (passed) {
			best = search.low = rate;
			if (rate >= search.high)
				break;
		} else {
			search.high = rate;
		}
		if (search.high - search.low < search.precision * search.high)
			break;
		rate = (search.low + search.high) / 2;
	}
	return best;
}
