/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/region.h"
#include "datapath/base/counters.h"
#include "datapath/base/huge.h"
#include "datapath/flow/table.h"

static void table_is_formatted(void **state)
{
	struct region a, b;
	struct ctl_error error;
	const struct flow_header *one, *other;

	(void)state;
	assert_int_equal(region_table(&a, 1000, &error), 0);
	assert_int_equal(region_table(&b, 1000, &error), 0);
	assert_null(flow_table_check(a.memory, a.bytes));
	one = a.memory;
	other = b.memory;
	assert_int_equal(one->capacity, 1000);
	/* Each table has a key of its own. */
	assert_memory_not_equal(one->hash_key, other->hash_key, sizeof(one->hash_key));
	/* Its size is fixed, its contents are not. */
	assert_int_equal(ftruncate(a.fd, 4096), -1);
	assert_int_equal(fcntl(a.fd, F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	region_drop(&a);
	assert_int_equal(a.fd, -1);
	region_drop(&a);
	region_drop(&b);
}

/* A packet's worker never waits for the kernel to find memory for a large table. */
static void large_table_is_there(void **state)
{
	struct region table;
	struct ctl_error error;
	size_t page = (size_t)sysconf(_SC_PAGESIZE), there = 0, pages;
	unsigned char *resident;

	(void)state;
	assert_int_equal(region_table(&table, FLOW_CAPACITY_DEFAULT, &error), 0);
	pages = (table.bytes + page - 1) / page;
	resident = calloc(1, pages);
	assert_non_null(resident);
	assert_int_equal(mincore((void *)(uintptr_t)table.memory, table.bytes, resident), 0);
	for (size_t i = 0; i < pages; i++)
		there += resident[i] & 1;
	assert_int_equal(there, pages);
	free(resident);
	region_drop(&table);
}

/* So that it can lie in huge pages, here and where it is handed to. */
static void large_table_is_aligned(void **state)
{
	struct region table, again;
	struct ctl_error error;
	int fd;

	(void)state;
	assert_int_equal(region_table(&table, FLOW_CAPACITY_DEFAULT, &error), 0);
	assert_int_equal(table.bytes, flow_table_bytes(FLOW_CAPACITY_DEFAULT));
	assert_int_equal((uintptr_t)table.memory % HUGE_PAGE_BYTES, 0);
	fd = dup(table.fd);
	assert_int_equal(region_adopt(&again, fd, "table", table.bytes, &error), 0);
	assert_int_equal(again.bytes, table.bytes);
	assert_int_equal((uintptr_t)again.memory % HUGE_PAGE_BYTES, 0);
	assert_null(flow_table_check(again.memory, again.bytes));
	region_drop(&again);
	region_drop(&table);
}

static void snapshot_cannot_change(void **state)
{
	struct region region;
	struct ctl_error error;

	(void)state;
	assert_int_equal(region_snapshot(&region, "12345678", 8, &error), 0);
	assert_int_equal(region.bytes, 8);
	assert_memory_equal(region.memory, "12345678", 8);
	assert_int_equal(pwrite(region.fd, "x", 1, 0), -1);
	assert_ptr_equal(mmap(NULL, 8, PROT_READ | PROT_WRITE, MAP_SHARED, region.fd, 0),
			 MAP_FAILED);
	region_drop(&region);
}

static void counters_are_zero(void **state)
{
	struct region region;
	struct ctl_error error;
	const struct counters_page *page;

	(void)state;
	assert_int_equal(region_counters(&region, &error), 0);
	page = region.memory;
	assert_int_equal(page->magic, COUNTERS_MAGIC);
	assert_int_equal(page->bytes, sizeof(*page));
	assert_int_equal(page->worker[0].flows, 0);
	region_drop(&region);
}

/* What is handed to readers must not let them write. */
static void readonly_descriptor(void **state)
{
	struct region region;
	struct ctl_error error;
	void *memory;
	int fd;

	(void)state;
	assert_int_equal(region_table(&region, 64, &error), 0);
	fd = region_readonly(&region);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	assert_ptr_equal(mmap(NULL, region.bytes, PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
	memory = mmap(NULL, region.bytes, PROT_READ, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(memory, MAP_FAILED);
	assert_int_equal(mprotect(memory, region.bytes, PROT_READ | PROT_WRITE), -1);
	munmap(memory, region.bytes);
	close(fd);
	region_drop(&region);
}

static void foreign_memory_is_checked(void **state)
{
	struct region region;
	struct ctl_error error;
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING), null_fd;

	(void)state;
	assert_int_equal(ftruncate(fd, 8192), 0);
	/* Its size could shrink under us. */
	assert_int_equal(region_adopt(&region, fd, "thing", 8192, &error), -EINVAL);
	assert_non_null(strstr(error.text, "thing: not a sealed memfd of 1 to 8192 bytes"));
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	assert_int_equal(region_adopt(&region, fd, "thing", 8191, &error), -EINVAL);
	assert_int_equal(region.fd, -1);
	assert_int_equal(region_adopt(&region, fd, "thing", 8192, &error), 0);
	assert_int_equal(region.bytes, 8192);
	region_drop(&region);
	null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	assert_int_equal(region_adopt(&region, null_fd, "thing", 8192, &error), -EINVAL);
	close(null_fd);
	assert_int_equal(region_adopt(&region, -1, "thing", 8192, &error), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_is_formatted),
		cmocka_unit_test(large_table_is_there),
		cmocka_unit_test(large_table_is_aligned),
		cmocka_unit_test(snapshot_cannot_change),
		cmocka_unit_test(counters_are_zero),
		cmocka_unit_test(readonly_descriptor),
		cmocka_unit_test(foreign_memory_is_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
