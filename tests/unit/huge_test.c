/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "datapath/base/huge.h"

#define PAGE   4096u
#define ROUNDS 16u

static int memory_of(size_t bytes)
{
	int fd = memfd_create("pgw-test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)bytes), 0);
	return fd;
}

/* mapped() - bytes of addresses that this process uses */
static size_t mapped(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	size_t pages;

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%zu", &pages), 1);
	fclose(file);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* advised() - whether the mapping at @memory has been asked to have huge pages ("hg") */
static bool advised(const void *memory)
{
	FILE *file = fopen("/proc/self/smaps", "re");
	bool here = false, found = false;
	char line[512];

	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		uintmax_t first, last;

		if (sscanf(line, "%jx-%jx ", &first, &last) == 2)
			here = first <= (uintptr_t)memory && (uintptr_t)memory < last;
		else if (here && !strncmp(line, "VmFlags:", 8))
			found = strstr(line, " hg ") != NULL;
	}
	fclose(file);
	return found;
}

static void on_a_boundary(void **state)
{
	const size_t bytes = HUGE_WORTH_BYTES + 3 * PAGE - 1, before = mapped();

	(void)state;
	/* Several times: one that has not been aligned may be so by chance. */
	for (unsigned i = 0; i < ROUNDS; i++) {
		int fd = memory_of(bytes);
		uint8_t *memory = huge_map(bytes, PROT_READ | PROT_WRITE, fd);
		uint8_t *odd = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		assert_ptr_not_equal(memory, MAP_FAILED);
		assert_int_equal((uintptr_t)memory % HUGE_PAGE_BYTES, 0);
		if (!access("/sys/kernel/mm/transparent_hugepage", F_OK))
			assert_true(advised(memory));
		memory[0] = memory[bytes - 1] = 1;
		munmap(memory, bytes);
		munmap(odd, PAGE);
		close(fd);
	}
	/* Of what was reserved around them nothing is left, each time a huge page; others may
	 * have taken something meanwhile. */
	assert_true(mapped() < before + ROUNDS / 2 * HUGE_PAGE_BYTES);
}

static void same_memory_for_all(void **state)
{
	const size_t bytes = HUGE_WORTH_BYTES;
	int fd = memory_of(bytes);
	uint8_t *writer = huge_map(bytes, PROT_READ | PROT_WRITE, fd);
	const uint8_t *reader = huge_map(bytes, PROT_READ, fd);

	(void)state;
	assert_ptr_not_equal(writer, MAP_FAILED);
	assert_ptr_not_equal(reader, MAP_FAILED);
	for (size_t i = 0; i < bytes; i += PAGE)
		writer[i] = (uint8_t)(i / PAGE);
	for (size_t i = 0; i < bytes; i += PAGE)
		assert_int_equal(reader[i], (uint8_t)(i / PAGE));
	munmap(writer, bytes);
	munmap((void *)(uintptr_t)reader, bytes);
	close(fd);
}

static void little_is_left_alone(void **state)
{
	int fd = memory_of(PAGE);
	uint8_t *memory = huge_map(PAGE, PROT_READ | PROT_WRITE, fd);

	(void)state;
	assert_ptr_not_equal(memory, MAP_FAILED);
	assert_false(advised(memory));
	memory[PAGE - 1] = 1;
	munmap(memory, PAGE);
	close(fd);
}

/* free_address() - where the next large mapping would go */
static void *free_address(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(memory, MAP_FAILED);
	munmap(memory, bytes);
	return memory;
}

static void failure_leaves_nothing(void **state)
{
	void *before = free_address(HUGE_WORTH_BYTES);

	(void)state;
	assert_ptr_equal(huge_map(HUGE_WORTH_BYTES, PROT_READ, -1), MAP_FAILED);
	assert_int_equal(errno, EBADF);
	assert_ptr_equal(free_address(HUGE_WORTH_BYTES), before);
	assert_ptr_equal(huge_map(SIZE_MAX, PROT_READ, -1), MAP_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(on_a_boundary),
		cmocka_unit_test(same_memory_for_all),
		cmocka_unit_test(little_is_left_alone),
		cmocka_unit_test(failure_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
