/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/journal.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>

#define SD_JOURNAL_SUPPRESS_LOCATION /* where in the code is no matter of the operator's */
#include <systemd/sd-journal.h>

#include "control/ctl/log.h"

#define FIELDS_MAX  24u
#define FIELD_BYTES 320u

struct entry {
	unsigned n;
	struct iovec field[FIELDS_MAX];
	char text[FIELDS_MAX][FIELD_BYTES];
};

static void add(struct entry *entry, const char *name, const char *value)
{
	char *text = entry->text[entry->n];
	int bytes = snprintf(text, FIELD_BYTES, "%s=%s", name, value);

	if (bytes < 0)
		return;
	if ((unsigned)bytes >= FIELD_BYTES)
		bytes = FIELD_BYTES - 1;
	entry->field[entry->n++] = (struct iovec){.iov_base = text, .iov_len = (size_t)bytes};
}

/* "former-mac" as PGW_FORMER_MAC. */
static void add_member(struct entry *entry, const char *member, const json_t *value)
{
	char name[64], text[256];

	if (!ctl_log_value(value, text, sizeof(text)))
		return;
	snprintf(name, sizeof(name), "PGW_%s", member);
	for (char *at = name; *at; at++)
		*at = (char)(*at == '-' ? '_' : toupper((unsigned char)*at));
	add(entry, name, text);
}

static bool send_entry(enum ctl_event event, int priority, const json_t *members, const char *text)
{
	char message[1200], number[4];
	struct entry entry = {.n = 0};
	const char *name;
	json_t *value;

	snprintf(message, sizeof(message), "MESSAGE=%s", text);
	entry.field[entry.n++] = (struct iovec){.iov_base = message, .iov_len = strlen(message)};
	snprintf(number, sizeof(number), "%d", priority & LOG_PRIMASK);
	add(&entry, "PRIORITY", number);
	add(&entry, "MESSAGE_ID", ctl_event_id(event));
	add(&entry, "PGW_EVENT", ctl_event_name(event));
	json_object_foreach((json_t *)members, name, value) if (entry.n < FIELDS_MAX)
		add_member(&entry, name, value);
	return !sd_journal_sendv(entry.field, (int)entry.n);
}

void journal_open(void)
{
	if (ctl_log_is_journal())
		ctl_log_to(send_entry);
}
