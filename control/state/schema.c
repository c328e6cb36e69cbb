/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/state/schema.h"

const struct schema_step schema_steps[] = {
	/* revision.c: configurations that ran; pending.c: the one that is not confirmed yet.
	 * time_ms is Unix time; uid and pid are -1 where nobody asked over the socket. */
	{"revisions", "CREATE TABLE revision ("
		      "  number INTEGER PRIMARY KEY,"
		      "  time_ms INTEGER NOT NULL,"
		      "  origin TEXT NOT NULL,"
		      "  uid INTEGER NOT NULL,"
		      "  pid INTEGER NOT NULL,"
		      "  user TEXT NOT NULL,"
		      "  comment TEXT NOT NULL,"
		      "  changes INTEGER NOT NULL,"
		      "  same_as INTEGER NOT NULL,"
		      "  file_digest BLOB,"
		      "  bytes INTEGER NOT NULL,"
		      "  text TEXT NOT NULL"
		      ");"
		      "CREATE TABLE pending ("
		      "  one INTEGER PRIMARY KEY CHECK (one = 1),"
		      "  revision INTEGER NOT NULL,"
		      "  base INTEGER NOT NULL,"
		      "  seconds INTEGER NOT NULL,"
		      "  boot_id TEXT NOT NULL,"
		      "  boot_ms INTEGER NOT NULL,"
		      "  time_ms INTEGER NOT NULL"
		      ");"},
};
const size_t schema_n_steps = sizeof(schema_steps) / sizeof(schema_steps[0]);
