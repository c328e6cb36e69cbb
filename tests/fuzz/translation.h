/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * translation - what must hold of a call of the API that was accepted: it can be said to pgwd, and
 * pgwd's answer, or refusal, to the client.
 */
#ifndef PGW_FUZZ_TRANSLATION_H
#define PGW_FUZZ_TRANSLATION_H

#include "control/api/route.h"

void translation_check(const struct route *route);

#endif
