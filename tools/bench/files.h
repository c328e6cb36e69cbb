/* SPDX-License-Identifier: GPL-2.0-or-later */
/* files - what the kernel tells and is told by files. */
#ifndef PGW_BENCH_FILES_H
#define PGW_BENCH_FILES_H

#include <stddef.h>
#include <stdint.h>

/* file_write() - Return: 0 or -errno. */
int file_write(const char *path, const char *text);

/* file_number() - the number at its beginning, 0 if there is none. */
uint64_t file_number(const char *path);

/* file_field() - the number behind @name at the beginning of a line ("Anonymous:"), 0 without. */
uint64_t file_field(const char *path, const char *name);

/* file_text() - all of it, malloc'ed and terminated; NULL if it cannot be read. */
char *file_text(const char *path);

struct run;

/* netns_number() - file_number() as a process in that namespace sees it. */
uint64_t netns_number(int netns, const char *path);

/* netns_snmp() - a counter of /proc/net/snmp, such as "Ip:" "ForwDatagrams", in that namespace. */
uint64_t netns_snmp(int netns, const char *protocol, const char *name);

#endif
