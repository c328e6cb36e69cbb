/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The record of former kernel parameters, and reading and writing them. */
#include "tests/unit/kernel_ns.h"

#include <errno.h>

#include "control/netlink/sysctl.h"

static void write_saved(const struct net *net, const char *from, const char *to)
{
	sh("sed -i 's|%s|%s|' %s/sysctl.saved", from, to, net->state_dir);
}

static void record_comes_back(void **state)
{
	struct net *net = *state;
	struct sysctl_saved saved = {0}, loaded;

	assert_int_equal(sysctl_saved_load(&loaded, net->state_dir), 0);
	assert_int_equal(loaded.n, 0);
	assert_int_equal(sysctl_saved_put(&saved, "net/ipv4/conf/g1.5/rp_filter", 3, "2"), 0);
	assert_int_equal(sysctl_saved_put(&saved, "net/ipv4/ip_local_reserved_ports", 0, ""), 0);
	assert_int_equal(sysctl_saved_put(&saved, "net/ipv4/ip_local_port_range", 0, "1 2"), 0);
	assert_int_equal(sysctl_saved_store(&saved, net->state_dir), 0);
	assert_false(file_exists(net, "sysctl.saved.new"));
	assert_int_equal(sysctl_saved_load(&loaded, net->state_dir), 0);
	assert_true(sysctl_saved_equal(&saved, &loaded));
	assert_string_equal(sysctl_saved_find(&loaded, "net/ipv4/ip_local_port_range", 0)->value,
			    "1 2");
	/* an interface of that name, but another one */
	assert_null(sysctl_saved_find(&loaded, "net/ipv4/conf/g1.5/rp_filter", 4));
	sysctl_saved_free(&loaded);
	/* a second value of the same parameter takes the first one's place */
	assert_int_equal(sysctl_saved_put(&saved, "net/ipv4/conf/g1.5/rp_filter", 4, "1"), 0);
	assert_int_equal(saved.n, 3);
	sysctl_saved_free(&saved);
	assert_int_equal(sysctl_saved_store(&saved, net->state_dir), 0);
	assert_false(file_exists(net, "sysctl.saved"));
}

static void record_of_another_boot_is_ignored(void **state)
{
	struct net *net = *state;
	struct sysctl_saved saved = {0}, loaded;

	assert_int_equal(sysctl_saved_put(&saved, "net/ipv4/ip_local_port_range", 0, "1 2"), 0);
	assert_int_equal(sysctl_saved_store(&saved, net->state_dir), 0);
	enter(net->a); /* another namespace has parameters of its own */
	assert_int_equal(sysctl_saved_load(&loaded, net->state_dir), 0);
	assert_int_equal(loaded.n, 0);
	enter(net->g);
	assert_int_equal(sysctl_saved_load(&loaded, net->state_dir), 0);
	assert_int_equal(loaded.n, 1);
	sysctl_saved_free(&loaded);
	write_saved(net, "saved 1 [0-9a-f]*", "saved 1 00000000");
	assert_int_equal(sysctl_saved_load(&loaded, net->state_dir), 0);
	assert_int_equal(loaded.n, 0);
	sysctl_saved_free(&saved);
}

static void damaged_record_is_refused(void **state)
{
	static const char *const damage[] = {"no number",
					     "5",
					     "5 net/ipv4/ip_forward",
					     "5 /etc/passwd 1",
					     "5 ../../etc/x 1",
					     "99999999999 net/ipv4/ip_forward 1",
					     "0  1"};
	struct net *net = *state;
	struct sysctl_saved saved = {0}, loaded;

	assert_int_equal(sysctl_saved_put(&saved, "x", 0, "y"), 0);
	for (size_t i = 0; i < sizeof(damage) / sizeof(damage[0]); i++) {
		assert_int_equal(sysctl_saved_store(&saved, net->state_dir), 0);
		write_saved(net, "0 x y", damage[i]);
		assert_int_equal(sysctl_saved_load(&loaded, net->state_dir), -EINVAL);
		assert_int_equal(loaded.n, 0);
	}
	sysctl_saved_free(&saved);
}

static void full_disk_keeps_the_old_record(void **state)
{
	struct net *net = *state;
	struct sysctl_saved saved = {0}, loaded;
	char big[8192];

	memset(big, '1', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	assert_int_equal(unshare(CLONE_NEWNS), 0);
	sh("mount --make-rprivate / && mount -t tmpfs -o size=4k,mode=700 pgw-test %s",
	   net->state_dir);
	assert_int_equal(sysctl_saved_put(&saved, "a", 0, "old"), 0);
	assert_int_equal(sysctl_saved_store(&saved, net->state_dir), 0);
	assert_int_equal(sysctl_saved_put(&saved, "b", 0, big), 0);
	assert_int_equal(sysctl_saved_store(&saved, net->state_dir), -ENOSPC);
	assert_false(file_exists(net, "sysctl.saved.new"));
	assert_int_equal(sysctl_saved_load(&loaded, net->state_dir), 0);
	assert_int_equal(loaded.n, 1);
	assert_string_equal(loaded.list[0].value, "old");
	sysctl_saved_free(&loaded);
	sysctl_saved_free(&saved);
	sh("umount %s", net->state_dir);
}

static void long_value_is_written_whole(void **state)
{
	/* 2,000 single ports take some 12 KB, three times what the kernel reads at once. */
	size_t room = 2000 * 6 + 1, used = 0;
	char *text = malloc(room), *value;

	(void)state;
	assert_non_null(text);
	for (unsigned i = 0; i < 2000; i++)
		used += (size_t)snprintf(text + used, room - used, i ? ",%u" : "%u", 20000 + 2 * i);
	assert_int_equal(sysctl_write("net/ipv4/ip_local_reserved_ports", text), 0);
	assert_int_equal(sysctl_read("net/ipv4/ip_local_reserved_ports", &value), 0);
	assert_string_equal(value, text);
	free(value);
	assert_int_equal(sysctl_write("net/ipv4/ip_local_reserved_ports", ""), 0);
	assert_int_equal(sysctl_read("net/ipv4/ip_local_reserved_ports", &value), 0);
	assert_string_equal(value, "");
	free(value);
	free(text);
	assert_int_equal(sysctl_read("net/ipv4/nonsense", &value), -ENOENT);
	assert_null(value);
	assert_int_equal(sysctl_write("net/ipv4/ip_local_port_range", "5 4"), -EINVAL);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, net_setup, net_teardown)
	const struct CMUnitTest tests[] = {
		TEST(record_comes_back),	   TEST(record_of_another_boot_is_ignored),
		TEST(damaged_record_is_refused),   TEST(full_disk_keeps_the_old_record),
		TEST(long_value_is_written_whole),
	};

	needs_root("kernel_sysctl_test");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
