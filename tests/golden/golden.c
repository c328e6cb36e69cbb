/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * golden - configurations and what becomes of them.
 *
 * NAME.in with NAME.ok: it is accepted and printed as NAME.ok says, which reads back the same.
 * NAME.in with NAME.err: it is refused with that message, "NAME.in:LINE:COLUMN: text"; column
 * and line are left out where there are none. With -w the expectations are written instead of
 * compared: review them with git diff.
 */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/config/model.h"

#define PATH_BYTES 4096

struct totals {
	unsigned passed, failed;
};

/* Return: the file's bytes, malloc'ed, with a NUL behind; NULL if there is none. */
static char *read_file(const char *path, size_t *bytes)
{
	FILE *file = fopen(path, "rb");
	char *text = NULL;
	long size;

	if (!file)
		return NULL;
	if (fseek(file, 0, SEEK_END) == 0 && (size = ftell(file)) >= 0 &&
	    fseek(file, 0, SEEK_SET) == 0) {
		text = malloc((size_t)size + 1);
		if (text) {
			*bytes = fread(text, 1, (size_t)size, file);
			text[*bytes] = '\0';
		}
	}
	fclose(file);
	return text;
}

static bool write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "wb");
	bool done = file && fputs(text, file) >= 0;

	if (file && fclose(file) != 0)
		done = false;
	return done;
}

static void message(char *buf, size_t bytes, const char *name, const struct config_error *error)
{
	if (error->line && error->column)
		snprintf(buf, bytes, "%s.in:%u:%u: %s\n", name, error->line, error->column,
			 error->text);
	else if (error->line)
		snprintf(buf, bytes, "%s.in:%u: %s\n", name, error->line, error->text);
	else
		snprintf(buf, bytes, "%s.in: %s\n", name, error->text);
}

/* What becomes of @text: @kind is "ok" or "err". Return: malloc'ed result, or NULL. */
static char *process(const char *name, const char *text, size_t bytes, const char **kind)
{
	struct config config;
	struct config_error error = {0};
	char *result = NULL;

	config_init(&config);
	if (config_parse(&config, text, bytes, &error) || config_check(&config, &error)) {
		*kind = "err";
		result = malloc(sizeof(error.text) + PATH_BYTES);
		if (result)
			message(result, sizeof(error.text) + PATH_BYTES, name, &error);
	} else {
		*kind = "ok";
		result = config_print(&config);
	}
	config_free(&config);
	return result;
}

static bool compare(const char *directory, const char *name, const char *kind, const char *result)
{
	char path[PATH_BYTES];
	size_t bytes;
	char *expected;
	bool same;

	snprintf(path, sizeof(path), "%s/%s.%s", directory, name, kind);
	expected = read_file(path, &bytes);
	if (!expected) {
		printf("FAIL %s: %s does not exist, but the result is:\n%s", name, path, result);
		return false;
	}
	same = strcmp(expected, result) == 0;
	if (!same)
		printf("FAIL %s\n--- expected\n%s--- is\n%s", name, expected, result);
	free(expected);
	return same;
}

/* What was printed must itself be accepted and printed the same. */
static bool reads_back(const char *name, const char *printed)
{
	const char *kind;
	char *again = process(name, printed, strlen(printed), &kind);
	bool same = again && strcmp(kind, "ok") == 0 && strcmp(again, printed) == 0;

	if (!same)
		printf("FAIL %s: read back, it becomes:\n%s", name, again ? again : "nothing\n");
	free(again);
	return same;
}

static bool run(const char *directory, const char *name, bool rewrite)
{
	char path[PATH_BYTES];
	const char *kind;
	size_t bytes;
	char *text, *result;
	bool passed;

	snprintf(path, sizeof(path), "%s/%s.in", directory, name);
	text = read_file(path, &bytes);
	if (!text) {
		printf("FAIL %s: %s: %s\n", name, path, strerror(errno));
		return false;
	}
	result = process(name, text, bytes, &kind);
	free(text);
	if (!result)
		return false;
	if (rewrite) {
		snprintf(path, sizeof(path), "%s/%s.%s", directory, name, kind);
		passed = write_file(path, result);
	} else {
		passed = compare(directory, name, kind, result);
	}
	if (strcmp(kind, "ok") == 0)
		passed = reads_back(name, result) && passed;
	free(result);
	return passed;
}

static int is_input(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return dot && strcmp(dot, ".in") == 0;
}

int main(int argc, char **argv)
{
	bool rewrite = argc > 1 && strcmp(argv[1], "-w") == 0;
	const char *directory = argc > 1 + rewrite ? argv[1 + rewrite] : GOLDEN_DIRECTORY;
	struct totals totals = {0};
	struct dirent **entries;
	int n = scandir(directory, &entries, is_input, alphasort);

	if (n <= 0) {
		fprintf(stderr, "golden: no *.in in %s, expected the directory of the tests\n",
			directory);
		return 2;
	}
	for (int i = 0; i < n; i++) {
		char *name = entries[i]->d_name;

		*strrchr(name, '.') = '\0';
		if (run(directory, name, rewrite)) {
			printf("ok %s\n", name);
			totals.passed++;
		} else {
			totals.failed++;
		}
		free(entries[i]);
	}
	free(entries);
	printf("%u passed, %u failed\n", totals.passed, totals.failed);
	return totals.failed ? 1 : 0;
}
