/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * spin - how long to look for frames before sleeping.
 *
 * To be put to sleep and woken again costs as much as many packets do, and in a virtual machine an
 * interrupt between processors besides. So before it sleeps the loop looks at the rings for a
 * while, as long as that pays: a frame that woke it within SPIN_MAX_NS of the last one would have
 * been met awake, so the time grows; one that came later would not, and there is no spinning until
 * frames follow one another that closely again. Without traffic nothing wakes, and nothing spins.
 */
#ifndef PGW_PROCESS_SPIN_H
#define PGW_PROCESS_SPIN_H

#include <stdbool.h>
#include <stdint.h>

#define SPIN_MIN_NS 12500u
#define SPIN_MAX_NS 50000u

struct spin {
	uint64_t ns;	   /* how long; 0: sleep at once */
	uint64_t empty_ns; /* when the rings were found empty after a frame */
};

/* spin_begin() - the rings are empty. Return: until when to look at them; @now_ns: do not. */
static inline uint64_t spin_begin(struct spin *spin, uint64_t now_ns)
{
	spin->empty_ns = now_ns;
	return now_ns + spin->ns;
}

/* spin_learn() - after a sleep: @frames tells whether there were frames when it ended. */
static inline void spin_learn(struct spin *spin, uint64_t now_ns, bool frames)
{
	if (!frames || now_ns - spin->empty_ns > SPIN_MAX_NS)
		spin->ns = 0;
	else if (spin->ns < SPIN_MIN_NS)
		spin->ns = SPIN_MIN_NS;
	else if (spin->ns < SPIN_MAX_NS)
		spin->ns *= 2;
}

#endif
