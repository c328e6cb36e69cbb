/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/metrics/exposition.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#define PREFIX "pgw_"

static bool ends_with(const char *name, const char *end)
{
	size_t length = strlen(name), wanted = strlen(end);

	return length > wanted && !strcmp(name + length - wanted, end);
}

void exposition_family(struct exposition *e, enum exposition_kind kind, const char *name,
		       const char *help)
{
	static const char *const kinds[] = {
		[EXPOSITION_COUNTER] = "counter",
		[EXPOSITION_GAUGE] = "gauge",
		[EXPOSITION_INFO] = "info",
		[EXPOSITION_HISTOGRAM] = "histogram",
	};
	static const char *const units[] = {"bytes", "seconds"};

	e->name = name;
	e->kind = kind;
	config_text_add(&e->text, "# TYPE " PREFIX "%s %s\n", name, kinds[kind]);
	for (unsigned i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (ends_with(name, units[i]))
			config_text_add(&e->text, "# UNIT " PREFIX "%s %s\n", name, units[i]);
	config_text_add(&e->text, "# HELP " PREFIX "%s %s\n", name, help);
}

static void begin_sample(struct exposition *e, va_list labels)
{
	static const char *const suffixes[] = {
		[EXPOSITION_COUNTER] = "_total",
		[EXPOSITION_GAUGE] = "",
		[EXPOSITION_INFO] = "_info",
		[EXPOSITION_HISTOGRAM] = "_bucket",
	};
	const char *name, *before = "{";

	config_text_add(&e->text, PREFIX "%s%s", e->name, suffixes[e->kind]);
	while ((name = va_arg(labels, const char *))) {
		config_text_add(&e->text, "%s%s=", before, name);
		config_text_quote(&e->text, va_arg(labels, const char *));
		before = ",";
	}
	config_text_add(&e->text, "%s ", *before == ',' ? "}" : "");
}

void exposition_number(struct exposition *e, uint64_t value, ...)
{
	va_list labels;

	va_start(labels, value);
	begin_sample(e, labels);
	va_end(labels);
	config_text_add(&e->text, "%" PRIu64 "\n", value);
}

void exposition_real(struct exposition *e, double value, ...)
{
	va_list labels;

	va_start(labels, value);
	begin_sample(e, labels);
	va_end(labels);
	config_text_add(&e->text, "%.6f\n", value);
}

char *exposition_take(struct exposition *e, size_t *bytes)
{
	config_text_add(&e->text, "# EOF\n");
	*bytes = e->text.n;
	return config_text_take(&e->text);
}
