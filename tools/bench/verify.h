/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verify - proof that the way under test is the one that the variant claims. */
#ifndef PGW_BENCH_VERIFY_H
#define PGW_BENCH_VERIFY_H

#include "tools/bench/bench.h"

/* What a variant's server must see as the source of everything. */
const char *verify_source(const struct variant *variant);

/**
 * verify_before() - send TCP and UDP both ways, with partial and with complete checksums, and
 * look at each frame on the client's and the server's wire: source address and checksums
 * Return: 0, or -1 after run_fail().
 */
int verify_before(struct run *run);

/* verify_after() - that neither end's stack has seen a wrong checksum. Return: as above. */
int verify_after(struct run *run);

#endif
