/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/bench/files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/bench/child.h"

#define CHILD_TIMEOUT_MS 5000
#define CHUNK_BYTES	 65536u

int file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t size = (ssize_t)strlen(text), written;
	int ret;

	if (fd < 0)
		return -errno;
	written = write(fd, text, (size_t)size);
	ret = written == size ? 0 : written < 0 ? -errno : -EIO;
	close(fd);
	return ret;
}

uint64_t file_number(const char *path)
{
	FILE *file = fopen(path, "re");
	uint64_t number = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%" SCNu64, &number) != 1)
		number = 0;
	fclose(file);
	return number;
}

uint64_t file_field(const char *path, const char *name)
{
	FILE *file = fopen(path, "re");
	size_t size = strlen(name);
	uint64_t number = 0;
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, name, size) == 0) {
			number = strtoull(line + size, NULL, 10);
			break;
		}
	if (file)
		fclose(file);
	return number;
}

char *file_text(const char *path)
{
	FILE *file = fopen(path, "re");
	size_t used = 0, room = 0, got;
	char *text = NULL;

	if (!file)
		return NULL;
	do {
		char *more = realloc(text, room + CHUNK_BYTES + 1);

		if (!more) {
			free(text);
			fclose(file);
			return NULL;
		}
		text = more;
		room += CHUNK_BYTES;
		got = fread(text + used, 1, room - used, file);
		used += got;
	} while (used == room);
	text[used] = '\0';
	fclose(file);
	return text;
}

struct question {
	const char *path, *protocol, *name;
	uint64_t answer;
};

static int number_main(void *arg)
{
	struct question *question = arg;

	question->answer = file_number(question->path);
	return 0;
}

/* snmp_main() - lines come in pairs: names, then values */
static int snmp_main(void *arg)
{
	struct question *question = arg;
	char names[2048], values[2048];
	FILE *file = fopen("/proc/net/snmp", "re");

	while (file && fgets(names, sizeof(names), file) && fgets(values, sizeof(values), file)) {
		char *name_save, *value_save;
		char *name = strtok_r(names, " \n", &name_save);
		char *value = strtok_r(values, " \n", &value_save);

		if (!name || strcmp(name, question->protocol) != 0)
			continue;
		while (name && value) {
			if (strcmp(name, question->name) == 0)
				question->answer = strtoull(value, NULL, 10);
			name = strtok_r(NULL, " \n", &name_save);
			value = strtok_r(NULL, " \n", &value_save);
		}
	}
	if (file)
		fclose(file);
	return file ? 0 : 1;
}

static uint64_t ask(int netns, int (*fn)(void *arg), const struct question *question)
{
	struct question *asked = shared(sizeof(*asked));
	uint64_t answer;
	pid_t pid;

	if (!asked)
		return 0;
	*asked = *question;
	pid = child_start((struct place){netns, -1}, fn, asked);
	if (pid > 0 && child_wait(pid, CHILD_TIMEOUT_MS) < 0)
		child_end(pid);
	answer = asked->answer;
	unshared(asked, sizeof(*asked));
	return answer;
}

uint64_t netns_number(int netns, const char *path)
{
	return ask(netns, number_main, &(struct question){.path = path});
}

uint64_t netns_snmp(int netns, const char *protocol, const char *name)
{
	return ask(netns, snmp_main, &(struct question){.protocol = protocol, .name = name});
}
