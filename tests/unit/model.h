/* SPDX-License-Identifier: GPL-2.0-or-later */
/* model - how long the tests that compare with a model go on. */
#ifndef PGW_TESTS_MODEL_H
#define PGW_TESTS_MODEL_H

#include <stdlib.h>

/* model_operations() - @everyday, or as many as PGW_MODEL_OPERATIONS says. */
static inline unsigned long model_operations(unsigned long everyday)
{
	const char *wanted = getenv("PGW_MODEL_OPERATIONS");
	unsigned long operations = wanted ? strtoul(wanted, NULL, 10) : 0;

	return operations ? operations : everyday;
}

#endif
