/* SPDX-License-Identifier: GPL-2.0-or-later */
/* selection - what the loaded suppression says, for those who choose by it before the kernel does.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/netlink/kroute.h"
#include "control/netlink/private.h"
#include "control/netlink/suppress.h"

/* Keys are laid out as nft concatenates fields, see suppress.c. */
static int add_tuples(struct kernel_selection *selection, const struct suppress_set *set)
{
	bool any = !strcmp(set->name, "listening"); /* without an address */

	for (size_t i = 0; i < set->n; i++) {
		const uint8_t *key = set->keys[i];
		struct kernel_tuple *grown = netlink_grow(selection->tuples, selection->n_tuples,
							  sizeof(*grown)),
				    tuple = {.listening = strcmp(set->name, "services") != 0};

		if (!grown)
			return -ENOMEM;
		selection->tuples = grown;
		if (!any)
			memcpy(&tuple.addr, key, sizeof(tuple.addr));
		key += any ? 0 : 4;
		tuple.proto = key[0];
		memcpy(&tuple.port, key + 4, sizeof(tuple.port));
		grown[selection->n_tuples++] = tuple;
	}
	return 0;
}

static int add_pool(struct kernel_selection *selection, const struct suppress_set *set)
{
	for (size_t i = 0; i < set->n; i++) {
		struct kernel_ports *grown = netlink_grow(selection->ports, selection->n_ports,
							  sizeof(*grown)),
				    ports = {.proto = set->keys[i][4],
					     .first = set->pool.first,
					     .last = set->pool.last};

		if (!grown)
			return -ENOMEM;
		selection->ports = grown;
		memcpy(&ports.addr, set->keys[i], sizeof(ports.addr));
		grown[selection->n_ports++] = ports;
	}
	return 0;
}

static int add_locals(struct kernel_selection *selection, struct kernel *kernel)
{
	struct kaddress *list = NULL;
	size_t n = 0;
	int err = kaddress_list(&kernel->netlink, &list, &n);

	if (!err) {
		selection->locals = calloc(n ? n : 1, sizeof(*selection->locals));
		err = selection->locals ? 0 : -ENOMEM;
	}
	for (size_t i = 0; i < n && !err; i++)
		selection->locals[selection->n_locals++] = list[i].addr;
	free(list);
	return err;
}

int kernel_selection(struct kernel *kernel, struct kernel_selection *selection,
		     struct kernel_error *error)
{
	struct suppress loaded;
	int err;

	*selection = (struct kernel_selection){0};
	err = suppress_read(&loaded, error);
	if (err)
		return err;
	for (size_t i = 0; i < loaded.n && !err; i++) {
		const struct suppress_set *set = &loaded.sets[i];

		if (set->pool.last)
			err = add_pool(selection, set);
		else if (strcmp(set->name, "addresses") != 0)
			err = add_tuples(selection, set);
	}
	suppress_free(&loaded);
	if (!err)
		err = add_locals(selection, kernel);
	if (!err)
		return 0;
	kernel_selection_free(selection);
	return kernel_fail(error, err, "cannot read the addresses from the kernel: %s",
			   strerror(-err));
}

void kernel_selection_free(struct kernel_selection *selection)
{
	free(selection->locals);
	free(selection->tuples);
	free(selection->ports);
	*selection = (struct kernel_selection){0};
}
