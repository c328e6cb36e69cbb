/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * replay - runs a fuzz target once over each file of its corpus, without a fuzzer:
 * corpus_NAME [FILE…]
 *
 * What fuzzing has found stays found with any compiler and with the sanitizers of the everyday
 * builds. Without arguments it takes CORPUS_DIRECTORY, sorted, so that a fault that needs earlier
 * inputs shows each time. It fails if there is nothing to run.
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

/* Return: false if @path cannot be read. */
static bool run_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = NULL;
	long bytes;
	bool read;

	if (!file)
		return false;
	read = fseek(file, 0, SEEK_END) == 0 && (bytes = ftell(file)) >= 0 &&
	       fseek(file, 0, SEEK_SET) == 0 && (data = malloc((size_t)bytes + !bytes)) &&
	       fread(data, 1, (size_t)bytes, file) == (size_t)bytes;
	fclose(file);
	if (read)
		LLVMFuzzerTestOneInput(data, (size_t)bytes);
	free(data);
	return read;
}

static int is_input(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* Return: how many inputs were run; -1 if one could not be read. */
static int run_directory(const char *directory)
{
	struct dirent **entries;
	int n = scandir(directory, &entries, is_input, alphasort);
	char path[4096];
	int done = 0;

	if (n < 0) {
		perror(directory);
		return -1;
	}
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", directory, entries[i]->d_name);
		free(entries[i]);
		if (done < 0)
			continue;
		if (!run_file(path)) {
			perror(path);
			done = -1;
			continue;
		}
		done++;
	}
	free(entries);
	return done;
}

int main(int argc, char **argv)
{
	int done = 0;

	if (LLVMFuzzerInitialize)
		LLVMFuzzerInitialize(&argc, &argv);
	if (argc < 2)
		done = run_directory(CORPUS_DIRECTORY);
	for (int i = 1; done >= 0 && i < argc; i++) {
		if (!run_file(argv[i])) {
			perror(argv[i]);
			done = -1;
			continue;
		}
		done++;
	}
	if (done <= 0) {
		printf("FAILED: no input was run from %s\n", CORPUS_DIRECTORY);
		return 1;
	}
	printf("%d inputs\n", done);
	return 0;
}
