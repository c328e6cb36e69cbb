/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * operation - the operations that every gateway has (struct request_ops): what each takes, and how
 * its members become the arguments of the gateway's function.
 *
 * Of a request that comes here, request.c has checked that it has what the operation takes, each of
 * its type. What a member says (a range, a length, what a list holds) is checked here.
 */
#ifndef PGW_CTL_OPERATION_H
#define PGW_CTL_OPERATION_H

#include "control/ctl/request.h"

struct operation_call; /* one that is being run */

struct operation {
	int (*call)(struct operation_call *call); /* NULL ends the list of them */
	struct request_operation takes;		  /* described as all others are; call: unused */
};

extern const struct operation operation_list[];

/**
 * operation_run() - ask the gateway
 * @request: checked against operation->takes
 * @peer: NULL: not known
 * Return: 0 and result->answer is filled, or -errno and result->error is.
 */
int operation_run(const struct operation *operation, const json_t *request,
		  const struct request_ops *ops, void *gateway, const struct request_peer *peer,
		  struct request_result *result);

#endif
