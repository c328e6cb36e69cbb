/* SPDX-License-Identifier: GPL-2.0-or-later */
/* user - users of this host, as /etc/passwd lists them. */
#ifndef PGW_CTL_USER_H
#define PGW_CTL_USER_H

#include <sys/types.h>

/* user_find() - Return: 0; -ENOENT: there is none of that name; other -errno: that cannot be told
 */
int user_find(const char *name, uid_t *uid, gid_t *gid);

#endif
