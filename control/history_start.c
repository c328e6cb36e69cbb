/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What pgwd starts with, in this order (docs/transactions.md gives the reasons):
 *
 *   the -c file               if it was changed since the last revision began to run
 *   what was pending          while time is left: it still waits to be confirmed
 *   what it would go back to  if the time passed while no pgwd ran
 *   the last revision         if a datapath, or its table, still runs it: a pgwd that was killed
 *                             changes nothing; or if it is what an unconfirmed one was taken back
 *                             to: the file may hold that which locked somebody out
 *   the -c file               otherwise; differences from what ran last are said
 */
#include "control/history_start.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <gnutls/crypto.h>

#include "control/apply.h"
#include "control/conffile.h"
#include "control/ctl/log.h"
#include "control/fault.h"
#include "control/gateway.h"

#define RETRY_MS       1000 /* where going back fails */
#define LOGIN_UID_NONE 4294967295u

int history_digest(const char *file, uint8_t digest[REVISION_DIGEST_BYTES])
{
	struct ctl_error error;
	size_t bytes;
	char *text = conffile_text(file, &bytes, &error);
	int code;

	if (!text)
		return -EIO;
	code = gnutls_hash_fast(GNUTLS_DIG_SHA256, text, bytes, digest);
	free(text);
	return code ? -EIO : 0;
}

/* By the file: asking a directory service may take longer than anything here may wait. */
static void name_of(unsigned uid, char user[REVISION_USER_BYTES])
{
	FILE *file = fopen("/etc/passwd", "re");
	struct passwd entry, *found = NULL;
	char text[2048];

	snprintf(user, REVISION_USER_BYTES, "uid %u", uid);
	while (file && !fgetpwent_r(file, &entry, text, sizeof(text), &found)) {
		if (entry.pw_uid != uid)
			continue;
		snprintf(user, REVISION_USER_BYTES, "%s", entry.pw_name);
		break;
	}
	if (file)
		fclose(file);
}

/* Who logged in to become @peer, as the kernel's audit keeps it over sudo and su. */
static unsigned login_uid(const struct request_peer *peer)
{
	unsigned uid = LOGIN_UID_NONE;
	char path[48];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/loginuid", peer->pid);
	file = fopen(path, "re");
	if (!file)
		return peer->uid;
	if (fscanf(file, "%u", &uid) != 1 || uid == LOGIN_UID_NONE)
		uid = peer->uid;
	fclose(file);
	return uid;
}

void history_user(const struct request_order *asked, char user[REVISION_USER_BYTES])
{
	user[0] = '\0';
	if (asked && asked->by)
		snprintf(user, REVISION_USER_BYTES, "%s", asked->by);
	else if (asked && asked->peer)
		name_of(login_uid(asked->peer), user);
}

static void complain(struct gateway *gateway, const struct state_error *why)
{
	snprintf(gateway->state_trouble, sizeof(gateway->state_trouble), "%s", why->text);
	ctl_log(TOLD_HISTORY, LOG_ERR, "%s; the gateway starts without history", why->text);
	state_close(gateway->state);
	gateway->state = NULL;
}

/* Records of what a pgwd that was killed was about to run. Return: 0 or -errno. */
static int forget_unreached(struct gateway *gateway, struct state_error *error)
{
	struct history *history = &gateway->history;
	int code = 0;

	while (!code && gateway->revision && history->running.number > gateway->revision) {
		ctl_log(TOLD_HISTORY, LOG_WARNING,
			"revision %" PRIu64 " was under way when pgwd ended: it is taken back",
			history->running.number);
		code = revision_forget(gateway->state, history->running.number, error);
		if (!code && history->pending.revision == history->running.number) {
			code = pending_clear(gateway->state, error);
			history->pending.revision = 0;
		}
		if (!code)
			code = revision_last(gateway->state, &history->running, error);
	}
	return code;
}

/* Return: 0 with @config of revision @number; -errno with @error set. */
static int read_config(struct gateway *gateway, uint64_t number, struct config *config, char **text,
		       struct ctl_error *error)
{
	struct revision revision;
	struct state_error why;
	int code = revision_read(gateway->state, number, &revision, text, &why);

	if (code)
		return fault(error, code, "%s", why.text);
	code = conffile_parse(config, *text, strlen(*text), error);
	if (!code)
		return 0;
	free(*text);
	*text = NULL;
	return code;
}

uint64_t history_same_as(const struct gateway *gateway, uint64_t number)
{
	struct revision revision;
	struct state_error why;

	if (!gateway->state || revision_read(gateway->state, number, &revision, NULL, &why))
		return number;
	return revision.same_as;
}

static bool file_changed(const struct gateway *gateway)
{
	const struct revision *last = &gateway->history.running;
	uint8_t digest[REVISION_DIGEST_BYTES];

	return !last->has_digest || history_digest(gateway->options.file, digest) ||
	       memcmp(digest, last->file_digest, sizeof(digest)) != 0;
}

/* The last revision is to run again. */
static bool choose_last(struct gateway *gateway, struct config *chosen, struct history_order *order)
{
	const struct revision *last = &gateway->history.running;
	struct ctl_error error;
	char *text;

	if (read_config(gateway, last->number, chosen, &text, &error)) {
		ctl_log(TOLD_HISTORY, LOG_ERR, "revision %" PRIu64 " cannot go on: %s",
			last->number, error.text);
		return false;
	}
	free(text);
	order->number = last->number;
	order->origin = last->origin;
	return true;
}

static void drop_pending(struct gateway *gateway, const char *why)
{
	struct history *history = &gateway->history;
	struct state_error error;

	ctl_log(TOLD_REVERT_PENDING, LOG_WARNING, "revision %" PRIu64 " will not be taken back: %s",
		history->pending.revision, why);
	if (pending_clear(gateway->state, &error))
		ctl_log(TOLD_HISTORY, LOG_ERR, "%s", error.text);
	history->pending.revision = 0;
}

/* Whatever waits to be confirmed outranks a file that has not been touched since. */
static bool choose_pending(struct gateway *gateway, struct config *chosen,
			   struct history_order *order)
{
	struct history *history = &gateway->history;
	uint32_t left_s = history_left_s(gateway);
	struct ctl_error error;
	struct config base;
	char *text;
	int code;

	config_init(&base);
	code = read_config(gateway, history->pending.base, &base, &text, &error);
	if (code) {
		drop_pending(gateway, error.text);
		config_free(&base);
		return false;
	}
	if (left_s && choose_last(gateway, chosen, order)) {
		history->base_text = text;
		config_free(&base);
		ctl_log(TOLD_REVERT_PENDING, LOG_WARNING,
			"revision %" PRIu64 " is not confirmed, revision %" PRIu64
			" comes back in %u s",
			history->pending.revision, history->pending.base, left_s);
		return true;
	}
	free(text);
	config_free(chosen);
	*chosen = base;
	order->origin = REVISION_REVERT;
	order->same_as = history_same_as(gateway, history->pending.base);
	order->reverts = true;
	order->note = "not confirmed in time";
	ctl_log(TOLD_REVERTED, LOG_WARNING,
		"revision %" PRIu64
		" was not confirmed in time: pgwd starts with revision %" PRIu64,
		history->pending.revision, history->pending.base);
	return true;
}

/* The file it is: the same as what ran last, or something new? */
static void compare_file(struct gateway *gateway, const struct config *file,
			 struct history_order *order)
{
	const struct revision *last = &gateway->history.running;
	struct config_diff diff = {.n_changes = 0};
	struct ctl_error error;
	struct config former;
	char *text;

	config_init(&former);
	if (read_config(gateway, last->number, &former, &text, &error)) {
		ctl_log(TOLD_STARTED, LOG_WARNING, "revision %" PRIu64 " cannot be compared: %s",
			last->number, error.text);
	} else if (!config_diff(&diff, &former, file)) {
		order->changes = diff.n_changes;
		if (!diff.n_changes && gateway->revision <= last->number)
			order->number = last->number;
		free(text);
	}
	config_free(&former);
	config_diff_free(&diff);
	if (!order->changes)
		return;
	gateway->history.started.revision = last->number;
	gateway->history.started.changes = order->changes;
	ctl_log(TOLD_STARTED, LOG_WARNING,
		"%s is not what ran last: %zu differences from revision %" PRIu64
		" (pgw config diff %" PRIu64 " lists them, pgw config undo goes back)",
		gateway->options.file, order->changes, last->number, last->number);
}

bool history_choose(struct gateway *gateway, const struct config *file, struct config *chosen,
		    struct history_order *order)
{
	struct history *history = &gateway->history;
	struct state_error why;
	bool changed;
	int code;

	*order = (struct history_order){.origin = REVISION_START};
	if (!gateway->state)
		return false;
	code = revision_last(gateway->state, &history->running, &why);
	if (!code)
		code = pending_read(gateway->state, &history->pending, &why);
	if (!code)
		code = forget_unreached(gateway, &why);
	if (code) {
		complain(gateway, &why);
		history->running = (struct revision){0};
		history->pending = (struct pending){0};
		return false;
	}
	history->kept = history->running.number;
	if (!history->kept)
		return false;
	changed = file_changed(gateway);
	if (history->pending.revision && changed)
		drop_pending(gateway, "the -c file was changed since it began to run");
	if (history->pending.revision && choose_pending(gateway, chosen, order))
		return true;
	if (!changed &&
	    (gateway->revision == history->running.number ||
	     history->running.origin == REVISION_REVERT) &&
	    choose_last(gateway, chosen, order))
		return true;
	compare_file(gateway, file, order);
	return false;
}

static void go_back_failed(struct gateway *gateway, const struct ctl_error *error)
{
	struct history *history = &gateway->history;

	if (!history->retry_ms)
		ctl_log(TOLD_REVERT_FAILED, LOG_ERR,
			"revision %" PRIu64 " was not confirmed, but revision %" PRIu64
			" cannot come back: %s; tried again every second",
			history->pending.revision, history->pending.base, error->text);
	history->retry_ms = gateway_now_ms() + RETRY_MS;
}

void history_go_back(struct gateway *gateway)
{
	struct history *history = &gateway->history;
	const struct pending former = history->pending;
	struct history_order order = {
		.origin = REVISION_REVERT,
		.same_as = history_same_as(gateway, former.base),
		.reverts = true,
		.note = "not confirmed in time",
	};
	struct config_diff diff = {.n_changes = 0};
	struct ctl_error error = {.text = ""};
	struct config base;
	int code;

	config_init(&base);
	code = history->base_text ? conffile_parse(&base, history->base_text,
						   strlen(history->base_text), &error)
				  : fault(&error, -ENOENT, "its text is lost");
	if (!code && config_diff(&diff, &gateway->config, &base))
		code = fault(&error, -ENOMEM, "out of memory");
	order.changes = diff.n_changes;
	if (!code && !diff.n_changes)
		code = history_confirm(gateway, &error);
	else if (!code)
		code = apply_change(gateway, &base, &order, &error);
	config_diff_free(&diff);
	config_free(&base);
	if (code) {
		go_back_failed(gateway, &error);
		return;
	}
	gateway->counts.applied++;
	gateway_tell(gateway, TOLD_REVERTED, LOG_WARNING,
		     json_pack("{s:I, s:I, s:I}", "revision", (json_int_t)gateway->revision, "from",
			       (json_int_t)former.revision, "to", (json_int_t)former.base),
		     "revision %" PRIu64 " was not confirmed in time: revision %" PRIu64
		     " is back, as revision %" PRIu64,
		     former.revision, former.base, gateway->revision);
}

static bool same_file(const struct history_file *seen, const struct stat *status, uint64_t revision)
{
	return seen->known && seen->revision == revision && seen->inode == status->st_ino &&
	       seen->bytes == status->st_size && seen->mtime.tv_sec == status->st_mtim.tv_sec &&
	       seen->mtime.tv_nsec == status->st_mtim.tv_nsec;
}

bool history_saved(struct gateway *gateway, bool *readable)
{
	struct history_file *seen = &gateway->history.file;
	struct config_diff diff = {.n_changes = 0};
	struct ctl_error error;
	struct stat status = {0};
	struct config file;

	/* One that is not there looks the same every time, too. */
	(void)stat(gateway->options.file, &status);
	if (!same_file(seen, &status, gateway->revision)) {
		config_init(&file);
		*seen = (struct history_file){
			.known = true,
			.revision = gateway->revision,
			.inode = status.st_ino,
			.bytes = status.st_size,
			.mtime = status.st_mtim,
			.readable = !conffile_read(gateway->options.file, &file, &error),
		};
		seen->equal = seen->readable && !config_diff(&diff, &gateway->config, &file) &&
			      !diff.n_changes;
		config_diff_free(&diff);
		config_free(&file);
	}
	if (readable)
		*readable = seen->readable;
	return seen->equal;
}
