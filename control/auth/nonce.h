/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nonce - the signatures that have been accepted, so that none is accepted twice.
 *
 * A table of fixed size in a file, mapped shared: what is written there outlives this process
 * without any system call. After a reboot the file may have lost its last seconds; then nothing
 * is accepted that was signed before this start (nonce.floor_s), and what the file still has stays
 * known, for clients whose clock was ahead. The same holds, without the file's part, where it
 * cannot be made and the table lies in memory only. A clock that was ahead at the start and is set
 * right takes the floor with it.
 *
 * A place is free once its signature would be refused for its age. A signature may lie in any of
 * NONCE_PROBES places; when all of them are taken, the request is refused (-ENOSPC): what is in
 * there never gives way.
 *
 * Identical requests of one client within the same second have the same signature. So a GET, which
 * changes nothing, is accepted again from the same source for NONCE_REPEAT_MS.
 */
#ifndef PGW_AUTH_NONCE_H
#define PGW_AUTH_NONCE_H

#include <stdbool.h>
#include <stdint.h>

#define NONCE_FILE_NAME	      "nonce.table"
#define NONCE_PLACES	      (1u << 19)
#define NONCE_PROBES	      64u
#define NONCE_WINDOW_S	      300
#define NONCE_REPEAT_MS	      1500
#define NONCE_SIGNATURE_BYTES 20u /* SHA-1 */

struct nonce_place {
	uint8_t signature[NONCE_SIGNATURE_BYTES];
	uint32_t expires_s; /* Unix time; 0: free */
	uint32_t source;    /* hash of the client's address */
	uint32_t seen_ms;   /* the low bits of Unix time */
};

struct nonce {
	void *memory;
	struct nonce_place *places;
	int64_t floor_s;
	bool kept; /* in a file */
};

/**
 * nonce_open() - map DIRECTORY/nonce.table, make it where there is none or it is another boot's
 * Return: 0; -ENOMEM.
 */
int nonce_open(struct nonce *nonce, const char *directory, int64_t now_ms);
void nonce_close(struct nonce *nonce);

/**
 * nonce_take() - remember a signature
 * @timestamp_s: that it was made with
 * @repeatable: it is a GET's
 * Return: 0 it is new; -EALREADY it has been seen; -ESTALE its time is over, or has not come;
 * -ENOSPC.
 */
int nonce_take(struct nonce *nonce, const uint8_t signature[NONCE_SIGNATURE_BYTES],
	       int64_t timestamp_s, const char *from, bool repeatable, int64_t now_ms);

#endif
