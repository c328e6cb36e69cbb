/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Read here and not by getpwnam(): glibc's crashes where it gets no memory, and asks other services
 * of the host, for which a datapath that is to be started again should not have to wait.
 */
#include "control/ctl/user.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#define LINE_BYTES 4096

int user_find(const char *name, uid_t *uid, gid_t *gid)
{
	FILE *file = fopen("/etc/passwd", "re");
	char line[LINE_BYTES];
	struct passwd user, *found;
	int code;

	if (!file)
		return -errno;
	do
		code = fgetpwent_r(file, &user, line, sizeof(line), &found);
	while (!code && strcmp(user.pw_name, name) != 0);
	fclose(file);
	if (code)
		return -code;
	*uid = user.pw_uid;
	*gid = user.pw_gid;
	return 0;
}
