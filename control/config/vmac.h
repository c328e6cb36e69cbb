/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vmac - virtual MACs in statements: their values, and the choice of one. */
#ifndef PGW_CONFIG_VMAC_H
#define PGW_CONFIG_VMAC_H

#include "control/config/argument.h"
#include "control/config/edit.h"

#define VMAC_AUTO "auto" /* written in the place of a MAC that is to be chosen */

/* argument_mac() - struct mac of a virtual MAC that there is; argument_new_mac() - or VMAC_AUTO,
 * all zero, which none may be. */
bool argument_mac(void *field, const char *text, struct reason *why);
bool argument_new_mac(void *field, const char *text, struct reason *why);
bool argument_vmac_type(void *field, const char *text, struct reason *why); /* enum vmac_type */

/* vmac_in_range() - whether the MAC is one that virtual MACs of this type have. */
bool vmac_in_range(const struct mac *mac, enum vmac_type type);
const char *vmac_range(enum vmac_type type); /* the same, for messages */

/* vmac_choose() - if the statement says VMAC_AUTO, put in a MAC that the configuration does not
 * have yet. A file cannot: each time it is read it would mean another. Return: false with @why set.
 */
bool vmac_choose(const struct edit *edit, void *vmac, struct reason *why);

/* What "vmac del MAC", which names no address, means: all of that MAC. */
bool vmac_del_all(const void *vmac);
bool vmac_same_mac(const void *found, const void *wanted);

/* vmac_next() - the first statement behind @i that is of another MAC: vmacs [@i, it) are one's. */
size_t vmac_next(const struct config *config, size_t i);

#endif
