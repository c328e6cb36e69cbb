/* SPDX-License-Identifier: GPL-2.0-or-later */
/* history_start - parts of history.h that read files: what pgwd starts with, going back, names. */
#ifndef PGW_CONTROL_HISTORY_START_H
#define PGW_CONTROL_HISTORY_START_H

#include "control/history.h"

/* history_digest() - of a file's bytes. Return: 0 or -errno. */
int history_digest(const char *file, uint8_t digest[REVISION_DIGEST_BYTES]);

/* history_user() - who asks: the name that the asker gives, or that of the login behind it, or of
 * its user. "" where nobody asks. */
void history_user(const struct request_order *asked, char user[REVISION_USER_BYTES]);

/* history_go_back() - the time is up. Where it fails, it is tried again. */
void history_go_back(struct gateway *gateway);

#endif
