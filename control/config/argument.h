/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * argument - values as the configuration writes them.
 *
 * Each reader takes the text of one argument and stores what it says into @field, whose type
 * is given beside it. Return: false if it is wrong, and @why then says what was expected.
 */
#ifndef PGW_CONFIG_ARGUMENT_H
#define PGW_CONFIG_ARGUMENT_H

#include <stdbool.h>

#include "control/config/model.h"

struct reason {
	char text[160];
	bool no_memory; /* nothing is wrong with the argument, memory ran out */
};

bool argument_wrong(struct reason *why, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

bool argument_name(void *field, const char *text, struct reason *why); /* char[CONFIG_NAME] */
bool argument_dev(void *field, const char *text, struct reason *why);  /* char[CONFIG_DEV] */
bool argument_description(void *field, const char *text, struct reason *why); /* [CONFIG_TEXT] */
bool argument_vlan(void *field, const char *text, struct reason *why);	      /* uint16_t */
bool argument_rule(void *field, const char *text, struct reason *why);	      /* uint16_t */
bool argument_port(void *field, const char *text, struct reason *why);	      /* uint16_t */
bool argument_on_off(void *field, const char *text, struct reason *why);      /* bool */
bool argument_io(void *field, const char *text, struct reason *why);	      /* enum io_mode */
bool argument_offload(void *field, const char *text, struct reason *why); /* enum offload_mode */
bool argument_realm(void *field, const char *text, struct reason *why);	  /* enum realm */
bool argument_mapping(void *field, const char *text, struct reason *why); /* enum mapping_type */
bool argument_filtering(void *field, const char *text, struct reason *why);
bool argument_quota(void *field, const char *text, struct reason *why);	     /* uint32_t */
bool argument_allocation(void *field, const char *text, struct reason *why); /* stores nothing */
bool argument_balance(void *field, const char *text, struct reason *why);    /* enum balance */
bool argument_protocol(void *field, const char *text, struct reason *why);   /* uint8_t */
bool argument_check(void *field, const char *text, struct reason *why);	     /* enum check_kind */
bool argument_interval(void *field, const char *text, struct reason *why);   /* uint32_t, ms */
bool argument_timeout(void *field, const char *text, struct reason *why);    /* uint32_t, ms */
bool argument_times(void *field, const char *text, struct reason *why);	     /* uint8_t */
bool argument_path(void *field, const char *text, struct reason *why);	     /* char[CONFIG_TEXT] */
bool argument_dead(void *field, const char *text, struct reason *why);	     /* enum dead_backend */
bool argument_down(void *field, const char *text, struct reason *why);	     /* enum down_answer */
bool argument_transport(void *field, const char *text, struct reason *why);  /* tcp or udp */
bool argument_addr(void *field, const char *text, struct reason *why);	     /* be32 of a host */
bool argument_prefix(void *field, const char *text, struct reason *why); /* any, all: 0.0.0.0/0 */
bool argument_destination(void *field, const char *text, struct reason *why); /* default */

/* These store into several members, so they take the whole item. */
bool argument_interface(void *address, const char *text, struct reason *why); /* "A.B.C.D/LEN" */
bool argument_ports(void *pool, const char *text, struct reason *why);	      /* "LO-HI" */
bool argument_external(void *pool, const char *text, struct reason *why);     /* "A,B,..." */
bool argument_backend(void *service, const char *text, struct reason *why);   /* one more "A:P" */
bool argument_sni(void *service, const char *text, struct reason *why);	  /* "NAME,*.NAME,..." */
bool argument_proxy(void *service, const char *text, struct reason *why); /* "v2" */
bool argument_server(void *ntp, const char *text, struct reason *why);	  /* one more */

/* argument_endpoint() - "A.B.C.D:PORT"; any address. Return: false if it is none. */
bool argument_endpoint(be32 *addr, uint16_t *port, const char *text);

/* argument_number() - a decimal number from @min to @max */
bool argument_number(uint32_t *value, const char *text, uint32_t min, uint32_t max,
		     struct reason *why);

#endif
