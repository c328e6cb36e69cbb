/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tunnel_guard - slows down those who guess tokens and passwords.
 *
 * Per source address: each wrong guess makes the next answer wait twice as long, from
 * GUARD_FIRST_MS to GUARD_MAX_MS; a quiet time of GUARD_FORGET_MS forgets. The table has a fixed
 * number of places; of a full neighbourhood the one that was quiet longest goes. The hash is keyed,
 * so that nobody can aim at another one's place.
 */
#ifndef PGW_RELAY_TUNNEL_GUARD_H
#define PGW_RELAY_TUNNEL_GUARD_H

#include <stdint.h>

#include "datapath/base/addr.h"

#define GUARD_PLACES	1024u
#define GUARD_WAYS	4u /* a neighbourhood */
#define GUARD_FIRST_MS	500u
#define GUARD_MAX_MS	16000u
#define GUARD_FORGET_MS 60000u

struct tunnel_guard {
	uint64_t key;
	struct {
		be32 source;
		unsigned failures;
		uint64_t last_ms;
	} places[GUARD_PLACES];
};

/* tunnel_guard_failed() - a wrong guess; Return: ms that its answer has to wait */
uint64_t tunnel_guard_failed(struct tunnel_guard *guard, be32 source, uint64_t now_ms);

/* tunnel_guard_delay() - ms that anything from @source has to wait now, because of former guesses
 */
uint64_t tunnel_guard_delay(const struct tunnel_guard *guard, be32 source, uint64_t now_ms);

#endif
