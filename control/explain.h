/* SPDX-License-Identifier: GPL-2.0-or-later */
/* explain - operation explain: what would happen to a packet, against what runs now. */
#ifndef PGW_CONTROL_EXPLAIN_H
#define PGW_CONTROL_EXPLAIN_H

#include "control/ctl/request.h"

extern const struct request_operation explain_operations[]; /* their gateway: a struct gateway */

#endif
