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
	/* task.c: body is what control/task/task.c makes of it; stage is its enum task_state.
	 * allowed.c: ids are never used again. */
	{"tasks", "CREATE TABLE task ("
		  "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
		  "  name TEXT NOT NULL,"
		  "  type TEXT NOT NULL,"
		  "  state TEXT NOT NULL,"
		  "  stage INTEGER NOT NULL,"
		  "  service TEXT,"
		  "  server TEXT,"
		  "  datacenter INTEGER NOT NULL,"
		  "  network_access_id INTEGER NOT NULL,"
		  "  execution_ms INTEGER NOT NULL,"
		  "  body TEXT NOT NULL"
		  ");"
		  "CREATE INDEX task_stage ON task (stage);"
		  "CREATE INDEX task_datacenter ON task (datacenter);"
		  "CREATE TABLE allowed_network ("
		  "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
		  "  network TEXT NOT NULL UNIQUE"
		  ");"},
};
const size_t schema_n_steps = sizeof(schema_steps) / sizeof(schema_steps[0]);
