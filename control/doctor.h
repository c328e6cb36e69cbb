/* SPDX-License-Identifier: GPL-2.0-or-later */
/* doctor - operation doctor: what is wrong with the gateway's system, and what to do about it. */
#ifndef PGW_CONTROL_DOCTOR_H
#define PGW_CONTROL_DOCTOR_H

#include "control/ctl/request.h"
#include "control/gateway.h"

extern const struct request_operation doctor_operations[]; /* their gateway: a struct gateway */

/* The files' own: one check's result. Where all is well @hint is NULL. */
enum doctor_state { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL };
struct doctor {
	struct gateway *gateway;
	json_t *checks;
};
void doctor_say(struct doctor *doctor, const char *check, enum doctor_state state, const char *hint,
		const char *format, ...) __attribute__((format(printf, 5, 6)));

/* doctor_host() - the machine: clock, kernel parameters, disk, processes (doctor_host.c). */
void doctor_host(struct doctor *doctor);

#endif
