/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api - "api add …": where the API is served. */
#ifndef PGW_CONFIG_API_H
#define PGW_CONFIG_API_H

#include "control/config/argument.h"

bool argument_listener(void *api, const char *text, struct reason *why); /* the whole item */
bool argument_scheme(void *field, const char *text, struct reason *why); /* bool: TLS */
bool argument_host(void *field, const char *text, struct reason *why);	 /* char[CONFIG_TEXT] */

#endif
