/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/pgw/batch.h"
#include "tools/pgw/grammar.h"
#include "tools/pgw/message.h"
#include "tools/pgw/remote.h"

static void print_version(struct pgw *pgw)
{
	struct emit *emit = print_emit(pgw->printer);

	print_line(pgw->printer, "pgw %s", PGW_VERSION);
	if (!pgw->options.json)
		return;
	emit_open(emit, '{');
	emit_key(emit, "pgw");
	emit_string(emit, PGW_VERSION);
	emit_close(emit, '}');
}

static int run(struct pgw *pgw, int argc, const char **argv)
{
	if (pgw->options.version) {
		print_version(pgw);
		return EXIT_DONE;
	}
	if (pgw->options.help)
		return grammar_help(pgw, NULL);
	if (pgw->options.batch) {
		if (argc > 0)
			return message_wrong(argv[0],
					     "with -batch commands stand in the file only");
		return batch_run(pgw);
	}
	if (pgw->options.force)
		return message_error("option -force goes with -batch");
	if (argc == 0) {
		message_line("Usage: pgw [OPTIONS] OBJECT { COMMAND | help }, try \"pgw help\".");
		return EXIT_WRONG;
	}
	return grammar_run(pgw, argc, argv);
}

int main(int argc, char **argv)
{
	struct pgw pgw = {.client = NULL};
	const struct options *options = &pgw.options;
	int used = options_parse(&pgw.options, argc - 1, argv + 1);
	struct print_style style;
	int code, error;

	if (used < 0)
		return EXIT_WRONG;
	style = (struct print_style){
		.json = options->json,
		.pretty = options->pretty,
		.colour = options_colour(options, STDOUT_FILENO),
		.human = options->human,
		.statistics = options->statistics,
		.details = options->details,
		.oneline = options->oneline,
		.brief = options->brief,
	};
	pgw.printer = printer_create(STDOUT_FILENO, &style);
	if (!pgw.printer) {
		message_error("out of memory");
		return EXIT_REFUSED;
	}
	code = run(&pgw, argc - 1 - used, (const char **)argv + 1 + used);
	error = print_flush(pgw.printer);
	if (error) {
		message_error("cannot write the output: %s", strerror(-error));
		code = EXIT_REFUSED;
	}
	remote_close(&pgw);
	printer_destroy(pgw.printer);
	return code;
}
