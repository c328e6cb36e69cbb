/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * answer - operations on the configuration, and the table of all operations.
 *
 * A request that changes something works on a copy of the running configuration; the copy
 * becomes the running one only through apply_change().
 */
#include "control/answer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/apply.h"
#include "control/ctl/log.h"
#include "control/fault.h"
#include "control/session.h"
#include "control/show.h"
#include "control/task/operations.h"

#define FILE_BYTES_MAX (64u << 20)

static int config_fault(struct ctl_error *error, int code, const struct config_error *why)
{
	fault(error, code, "%s", code == -ENOMEM ? "out of memory" : why->text);
	error->line = why->line;
	error->column = why->column;
	return code;
}

static int parse_and_check(struct config *config, const char *text, size_t bytes,
			   struct ctl_error *error)
{
	struct config_error why = {.text = ""};
	int code = config_parse(config, text, bytes, &why);

	if (!code)
		code = config_check(config, &why);
	return code ? config_fault(error, code, &why) : 0;
}

static char *read_whole(const char *file, size_t *bytes, struct ctl_error *error)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat status;
	char *text = NULL;
	ssize_t got = 0;
	size_t used = 0;

	if (fd < 0 || fstat(fd, &status)) {
		fault(error, -errno, "cannot read it: %s", strerror(errno));
		goto out;
	}
	if (!S_ISREG(status.st_mode) || status.st_size > FILE_BYTES_MAX) {
		fault(error, -EINVAL, "expected a regular file of at most %u bytes",
		      FILE_BYTES_MAX);
		goto out;
	}
	text = malloc((size_t)status.st_size + 1);
	if (!text) {
		fault(error, -ENOMEM, "out of memory");
		goto out;
	}
	while (used < (size_t)status.st_size &&
	       (got = read(fd, text + used, (size_t)status.st_size - used)) > 0)
		used += (size_t)got;
	if (got < 0) {
		fault(error, -errno, "cannot read it: %s", strerror(errno));
		free(text);
		text = NULL;
	} else {
		text[used] = '\0';
		*bytes = used;
	}
out:
	if (fd >= 0)
		close(fd);
	return text;
}

int answer_read_file(const char *file, struct config *config, struct ctl_error *error)
{
	size_t bytes;
	char *text = read_whole(file, &bytes, error);
	int code = text ? parse_and_check(config, text, bytes, error) : -EIO;

	free(text);
	if (code)
		snprintf(error->file, sizeof(error->file), "%s", file);
	return code;
}

void answer_error_text(const struct ctl_error *error, char *text, size_t bytes)
{
	if (*error->file && error->line)
		snprintf(text, bytes, "%s:%u:%u: %s", error->file, error->line, error->column,
			 error->text);
	else if (*error->file)
		snprintf(text, bytes, "%s: %s", error->file, error->text);
	else
		snprintf(text, bytes, "%s", error->text);
}

static json_t *change_list(const struct config_diff *diff)
{
	json_t *list = json_array();

	for (size_t i = 0; i < diff->n_changes; i++)
		json_array_append_new(list, json_string(diff->changes[i].statement));
	return list;
}

/* Makes @wanted the running configuration. Return: 0 or -errno. @changes: a new array. */
static int apply(struct gateway *gateway, const struct config *wanted, json_t **changes,
		 struct ctl_error *error)
{
	struct config_diff diff;
	int code;

	*changes = NULL;
	if (config_diff(&diff, &gateway->config, wanted))
		return fault(error, -ENOMEM, "out of memory");
	code = apply_change(gateway, wanted, &diff, error);
	if (!code) {
		*changes = change_list(&diff);
		if (diff.n_changes) {
			gateway->counts.applied++;
			ctl_log(LOG_NOTICE, "revision %" PRIu64 " runs, %zu changes",
				gateway->revision, diff.n_changes);
			gateway_event(gateway, "revision",
				      json_pack("{s:I, s:O}", "revision",
						(json_int_t)gateway->revision, "changes",
						*changes));
		}
	}
	config_diff_free(&diff);
	return code;
}

static int apply_and_answer(struct gateway *gateway, const struct config *wanted,
			    struct request_result *result)
{
	json_t *changes;
	int code = apply(gateway, wanted, &changes, &result->error);

	if (code) {
		char text[900];

		answer_error_text(&result->error, text, sizeof(text));
		gateway->counts.refused++;
		ctl_log(LOG_WARNING, "change refused: %s", text);
		return code;
	}
	/* Sessions that it ends are known when the datapath has looked at all of them. */
	if (json_array_size(changes))
		result->sweep = gateway->revision;
	else
		json_object_set_new(result->answer, "sessions-ended", json_integer(0));
	json_object_set_new(result->answer, "revision",
			    json_integer((json_int_t)gateway->revision));
	json_object_set_new(result->answer, "changes", changes);
	return 0;
}

static int answer_version(void *context, struct request_result *result)
{
	const struct gateway *gateway = context;

	json_object_set_new(result->answer, "version", json_string(PGW_VERSION));
	json_object_set_new(result->answer, "revision",
			    json_integer((json_int_t)gateway->revision));
	return 0;
}

static int answer_change(void *context, const char *const *statements, size_t n,
			 struct request_result *result)
{
	struct gateway *gateway = context;
	struct config_error why = {.text = ""};
	struct config wanted;
	int code = 0;

	if (config_copy(&wanted, &gateway->config))
		return fault(&result->error, -ENOMEM, "out of memory");
	for (size_t i = 0; !code && i < n; i++) {
		code = config_statement(&wanted, statements[i], &why);
		if (code) {
			config_fault(&result->error, code, &why);
			result->error.line = (unsigned)i + 1;
		}
	}
	if (!code) {
		code = apply_and_answer(gateway, &wanted, result);
		/* Lines of a file that was read earlier: not the asker's. */
		if (code)
			result->error.line = result->error.column = 0;
	}
	config_free(&wanted);
	return code;
}

static int answer_config_show(void *context, struct request_result *result)
{
	const struct gateway *gateway = context;
	char *text = config_print(&gateway->config);

	if (!text)
		return fault(&result->error, -ENOMEM, "out of memory");
	json_object_set_new(result->answer, "text", json_string(text));
	json_object_set_new(result->answer, "revision",
			    json_integer((json_int_t)gateway->revision));
	free(text);
	return 0;
}

static int answer_config_check(void *context, const char *text, size_t bytes,
			       struct request_result *result)
{
	struct config config;
	int code;

	(void)context;
	config_init(&config);
	code = parse_and_check(&config, text, bytes, &result->error);
	config_free(&config);
	return code;
}

static int answer_config_diff(void *context, const char *text, size_t bytes,
			      struct request_result *result)
{
	struct gateway *gateway = context;
	struct config_diff diff = {.n_changes = 0};
	struct config wanted;
	uint64_t affected = 0;
	int code;

	config_init(&wanted);
	code = parse_and_check(&wanted, text, bytes, &result->error);
	if (!code && config_diff(&diff, &gateway->config, &wanted))
		code = fault(&result->error, -ENOMEM, "out of memory");
	if (!code && diff.n_changes)
		code = session_count_affected(gateway, &wanted, &affected, &result->error);
	if (!code) {
		json_object_set_new(result->answer, "changes", change_list(&diff));
		json_object_set_new(result->answer, "sessions-affected",
				    json_integer((json_int_t)affected));
	}
	config_diff_free(&diff);
	config_free(&wanted);
	return code;
}

static int answer_config_apply(void *context, const char *text, size_t bytes,
			       struct request_result *result)
{
	struct gateway *gateway = context;
	struct config wanted;
	int code;

	config_init(&wanted);
	code = parse_and_check(&wanted, text, bytes, &result->error);
	if (!code)
		code = apply_and_answer(gateway, &wanted, result);
	config_free(&wanted);
	return code;
}

/* Writes beside @path, then renames, so that no reader and no crash ever sees half a file. */
static int write_atomically(const char *path, const char *text, struct ctl_error *error)
{
	char temporary[PATH_MAX + 16];
	struct stat status = {.st_mode = 0644};
	size_t left = strlen(text);
	int fd, code = 0;

	/* Mode and owner of the file that is there stay. */
	if (stat(path, &status) && errno != ENOENT)
		return fault(error, -errno, "cannot read %s: %s", path, strerror(errno));
	snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path);
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return fault(error, -errno, "cannot write beside %s: %s", path, strerror(errno));
	while (!code && left) {
		ssize_t wrote = write(fd, text, left);

		if (wrote < 0 && errno != EINTR)
			code = -errno;
		else if (wrote > 0) {
			text += wrote;
			left -= (size_t)wrote;
		}
	}
	if (!code && (fchmod(fd, status.st_mode & 07777) ||
		      fchown(fd, status.st_uid, status.st_gid) || fsync(fd)))
		code = -errno;
	close(fd);
	if (!code && rename(temporary, path))
		code = -errno;
	if (!code)
		return 0;
	unlink(temporary);
	return fault(error, code, "cannot write %s: %s", path, strerror(-code));
}

static void sync_directory_of(const char *path)
{
	char directory[PATH_MAX];
	char *slash;
	int fd;

	snprintf(directory, sizeof(directory), "%s", path);
	slash = strrchr(directory, '/');
	if (!slash)
		return;
	*slash = '\0';
	fd = open(*directory ? directory : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (fsync(fd))
		ctl_log(LOG_WARNING, "cannot sync %s: %s", directory, strerror(errno));
	close(fd);
}

static int answer_config_save(void *context, struct request_result *result)
{
	const struct gateway *gateway = context;
	char path[PATH_MAX], *text;
	int code;

	/* Through a symbolic link, to the file itself. */
	if (!realpath(gateway->options.file, path))
		return fault(&result->error, -errno, "%s: %s", gateway->options.file,
			     strerror(errno));
	text = config_print(&gateway->config);
	if (!text)
		return fault(&result->error, -ENOMEM, "out of memory");
	code = write_atomically(path, text, &result->error);
	free(text);
	if (code)
		return code;
	sync_directory_of(path);
	ctl_log(LOG_NOTICE, "revision %" PRIu64 " saved to %s", gateway->revision, path);
	json_object_set_new(result->answer, "file", json_string(path));
	return 0;
}

void answer_reload(struct gateway *gateway)
{
	struct ctl_error error = {.text = ""};
	struct config wanted;
	json_t *changes = NULL;
	int code;

	config_init(&wanted);
	code = answer_read_file(gateway->options.file, &wanted, &error);
	if (!code)
		code = apply(gateway, &wanted, &changes, &error);
	if (code) {
		char text[900];

		snprintf(error.file, sizeof(error.file), "%s", gateway->options.file);
		answer_error_text(&error, text, sizeof(text));
		ctl_log(LOG_ERR, "%s", text);
		gateway->counts.refused++;
		ctl_log(LOG_ERR, "reload refused, revision %" PRIu64 " goes on", gateway->revision);
	} else if (!json_array_size(changes)) {
		ctl_log(LOG_NOTICE, "reload: nothing in %s has changed", gateway->options.file);
	}
	json_decref(changes);
	config_free(&wanted);
}

int answer_apply(struct gateway *gateway, const struct config *wanted, const char *by,
		 const char *note, struct ctl_error *error)
{
	json_t *changes;
	int code = apply(gateway, wanted, &changes, error);

	if (code)
		ctl_log(LOG_WARNING, "%s%s%s: refused: %s", note, *by ? ", by " : "", by,
			error->text);
	json_decref(changes);
	return code;
}

static const struct request_operation *const more[] = {
	gateway_operations, task_operations, access_operations, mac_operations, NULL,
};

const struct request_ops answer_ops = {
	.more = more,
	.version = answer_version,
	.show = show_object,
	.change = answer_change,
	.config_show = answer_config_show,
	.config_check = answer_config_check,
	.config_diff = answer_config_diff,
	.config_apply = answer_config_apply,
	.config_save = answer_config_save,
	.stats = show_stats,
	.neighbour = show_neighbours,
	.session_table = session_table,
	.session_end = session_end,
};
