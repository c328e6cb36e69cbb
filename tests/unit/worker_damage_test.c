/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Damaged segments in user space, see damage.h. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/damage.h"

#define CLIENT "192.168.50.10"
#define VC     "10.10.0.10"
#define VIP    "172.16.0.1"

static bool arrives(const struct damage *way, uint8_t port, const struct frame *frame,
		    struct frame *out)
{
	harness_send_frame(way->h, port, frame);
	out->len = mem_port_pop(way->h->io[port == VRACK ? VSPHERE : VRACK], out->data,
				sizeof(out->data), &out->offload);
	return out->len;
}

static void through_worker(void (*life)(const struct damage *way))
{
	struct damage way = {.h = harness_open(harness_config, 64), .arrives = arrives};

	life(&way);
	harness_close(way.h);
}

static void test_closed_by_both(void **state)
{
	(void)state;
	through_worker(damage_closed_by_both);
}

static void test_reset(void **state)
{
	(void)state;
	through_worker(damage_reset);
}

static void test_refused(void **state)
{
	(void)state;
	through_worker(damage_refused);
}

/* A damaged one is counted. A sum that its sender left to hardware is no damage, whether that is
 * said, as by the kernel, or not, as in a capture. */
static void test_told_apart(void **state)
{
	struct harness *h = harness_open(harness_config, 64);
	struct probe p = {.src = CLIENT,
			  .sport = 5000,
			  .dst = VIP,
			  .dport = 443,
			  .proto = IPPROTO_TCP,
			  .tcp_flags = TCP_SYN};
	struct frame *frame = calloc(1, sizeof(*frame));

	(void)state;
	assert_non_null(frame);
	harness_build(VRACK, &p, frame);
	frame->data[ETHERNET_BYTES + IP_BYTES_MIN + 16] ^= 1;
	harness_send_frame(h, VRACK, frame);
	harness_expect_nothing(h);
	harness_expect_drop(h, DROP_TCP_CHECKSUM, 1);
	p.partial = true;
	harness_send(h, VRACK, &p);
	harness_expect(h, VSPHERE, &(struct probe){.dst = VC}, NULL);
	p.sport++;
	harness_build(VRACK, &p, frame);
	memset(&frame->offload, 0, sizeof(frame->offload));
	harness_send_frame(h, VRACK, frame);
	assert_int_equal(mem_port_sent(h->io[VSPHERE]), 1);
	harness_expect_drop(h, DROP_TCP_CHECKSUM, 1);
	harness_close(h);
	free(frame);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_closed_by_both),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
