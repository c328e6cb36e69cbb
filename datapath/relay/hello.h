/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hello - the server name that a TLS client asks for, without decrypting (RFC 6066 section 3).
 *
 * A ClientHello may come in any pieces, and may span records of any length (RFC 8446 section 5.1).
 * What is looked at is bounded: HELLO_BYTES_MAX bytes in HELLO_RECORDS_MAX records; the caller
 * looks again only when hello.need bytes are there, which is at most twice a record. With encrypted
 * ClientHello the outer name counts: it is what the client shows to the world.
 */
#ifndef PGW_RELAY_HELLO_H
#define PGW_RELAY_HELLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HELLO_BYTES_MAX	  65536u
#define HELLO_RECORDS_MAX 160u
#define HELLO_NAME	  256 /* bytes, NUL included */

enum hello_result {
	HELLO_MORE,    /* nothing is wrong so far; hello.need says how many bytes it takes */
	HELLO_NAMED,   /* hello.name */
	HELLO_UNNAMED, /* a whole ClientHello without a name */
	HELLO_NOT_TLS,
	HELLO_BAD,  /* TLS, but not a ClientHello as it must be */
	HELLO_LONG, /* more bytes or records than are looked at */
};

struct hello {
	size_t need; /* HELLO_MORE: bytes from the connection's start, at most HELLO_BYTES_MAX */
	char name[HELLO_NAME]; /* lower case, letters digits . - _ only, without a dot at its end */
	bool encrypted;	       /* there is an encrypted ClientHello in it */
};

/**
 * hello_read() - look at the first bytes of a connection
 * @scratch: HELLO_BYTES_MAX bytes, contents do not matter
 */
enum hello_result hello_read(const uint8_t *bytes, size_t n, uint8_t *scratch, struct hello *hello);

#endif
