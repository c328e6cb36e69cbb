/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * settings - what pgwd tells a pgw-log at its start, once and for all: one flat block in a sealed
 * memfd. When any of it changes, pgwd starts another pgw-log with a ring of its own.
 */
#ifndef PGW_LOG_SETTINGS_H
#define PGW_LOG_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "control/config/model.h"
#include "control/names.h"

#define LOG_SETTINGS_VERSION 1u

/* Descriptors of pgw-log; it has no others but standard error. */
enum {
	LOG_FD_WAKE =
		3, /* socket: a byte when there is something to read, its end when no more comes */
	LOG_FD_RING,	 /* memfd of base/event_ring.h */
	LOG_FD_SETTINGS, /* memfd of struct log_settings */
	LOG_FD_OUTPUT,	 /* UDP socket, or file opened for appending */
	LOG_FD_END
};

struct log_settings {
	uint32_t version;
	uint32_t kind;	       /* enum session_log_kind: not OFF */
	uint32_t destinations; /* 1: told, too */
	be32 collector;
	uint16_t collector_port; /* host order */
	uint16_t spare;
	uint32_t threshold; /* per cent, 0: off; the datapath's, here so that a change is seen */
	char path[CONFIG_TEXT];
	struct {
		char name[CONFIG_NAME]; /* empty: there is none of this index */
		uint32_t ifindex;
	} portgroup[CONFIG_PORTGROUPS_MAX];
	char pool[NAMES_POOLS_MAX][CONFIG_NAME];
};

#endif
