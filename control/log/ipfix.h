/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ipfix - events as IPFIX messages (RFC 7011, information elements of RFC 8158).
 *
 * A message is collected record by record until ipfix_room() says that no further one fits, then
 * it is finished and sent. Templates go into the first message and, because UDP may lose them,
 * again into the first one after each IPFIX_TEMPLATES_MS. All fields have fixed sizes.
 */
#ifndef PGW_LOG_IPFIX_H
#define PGW_LOG_IPFIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/log/settings.h"
#include "datapath/base/event_ring.h"

#define IPFIX_MESSAGE_BYTES 1400u /* fits any usual link unfragmented */
#define IPFIX_TEMPLATES_MS  30000u
#define IPFIX_DOMAIN	    1u /* observation domain */

struct ipfix {
	const struct log_settings *settings;
	uint32_t sequence;     /* data records of all messages before this one */
	uint64_t templates_ms; /* when they were last put into a message */
	bool templates_sent;
	uint8_t message[IPFIX_MESSAGE_BYTES];
	size_t used;   /* 0: no message has been begun */
	size_t set_at; /* where the open set begins; 0: none */
	uint16_t set_id;
	uint32_t records; /* in this message */
};

void ipfix_init(struct ipfix *ipfix, const struct log_settings *settings);

/**
 * ipfix_add() - put an event into the message
 * @event: of a known type (see reader.c)
 * @time_ms: CLOCK_REALTIME of the event; @now_ms: of this call
 * Return: false if there is no room: finish and send the message, then try again.
 */
bool ipfix_add(struct ipfix *ipfix, const struct event *event, uint64_t time_ms, uint64_t now_ms);

/* ipfix_finish() - close the message. Return: its bytes, 0 if there is nothing in it. */
size_t ipfix_finish(struct ipfix *ipfix, uint64_t now_ms);

#endif
