/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include <sys/random.h>

#include "control/config/vmac.h"

#define MAC_EXPECTED "a MAC address such as 02:00:00:12:34:56"

static const struct mac no_mac;

bool argument_mac(void *field, const char *text, struct reason *why)
{
	struct mac *mac = field;

	if (!mac_parse(text, mac) || mac_equal(mac, &no_mac))
		return argument_wrong(why, "expected " MAC_EXPECTED);
	return true;
}

bool argument_new_mac(void *field, const char *text, struct reason *why)
{
	struct mac *mac = field;

	*mac = no_mac;
	if (strcmp(text, VMAC_AUTO) == 0)
		return true;
	if (!mac_parse(text, mac) || mac_equal(mac, &no_mac))
		return argument_wrong(why, "expected " MAC_EXPECTED ", or " VMAC_AUTO);
	return true;
}

bool argument_vmac_type(void *field, const char *text, struct reason *why)
{
	for (unsigned i = 0; i < VMAC_TYPE_COUNT; i++)
		if (strcmp(text, vmac_type_name(i)) == 0) {
			*(enum vmac_type *)field = i;
			return true;
		}
	return argument_wrong(why, "expected vmware or ovh");
}

bool vmac_in_range(const struct mac *mac, enum vmac_type type)
{
	if (type == VMAC_OVH)
		return mac->b[0] == 0x02;
	return mac->b[0] == 0x00 && mac->b[1] == 0x50 && mac->b[2] == 0x56 && mac->b[3] <= 0x3f;
}

const char *vmac_range(enum vmac_type type)
{
	if (type == VMAC_OVH)
		return "one that begins with 02";
	return "one from 00:50:56:00:00:00 to 00:50:56:3f:ff:ff";
}

static bool is_used(const struct config *config, const struct mac *mac)
{
	for (size_t i = 0; i < config->n_vmacs; i++)
		if (mac_equal(&config->vmacs[i].mac, mac))
			return true;
	return false;
}

bool vmac_choose(const struct edit *edit, void *item, struct reason *why)
{
	struct config_vmac *vmac = item;

	if (!mac_equal(&vmac->mac, &no_mac))
		return true;
	if (edit->mode == EDIT_FILE)
		return argument_wrong(why,
				      "a file must name the MAC address; \"pgw vmac add " VMAC_AUTO
				      "\" chooses one");
	do { /* of millions, CONFIG_VMACS_MAX are used */
		struct mac *mac = &vmac->mac;

		if (getrandom(mac->b, sizeof(mac->b), 0) != (ssize_t)sizeof(mac->b))
			return argument_wrong(why, "the system has no random numbers now, name the "
						   "MAC address");
		if (vmac->type == VMAC_VMWARE) {
			mac->b[0] = 0x00;
			mac->b[1] = 0x50;
			mac->b[2] = 0x56;
			mac->b[3] &= 0x3f;
		} else {
			mac->b[0] = 0x02;
		}
	} while (is_used(edit->config, &vmac->mac));
	return true;
}

bool vmac_del_all(const void *item)
{
	const struct config_vmac *vmac = item;

	return vmac->addr == 0;
}

bool vmac_same_mac(const void *found, const void *wanted)
{
	const struct config_vmac *x = found, *y = wanted;

	return mac_equal(&x->mac, &y->mac);
}

size_t vmac_next(const struct config *config, size_t i)
{
	size_t next = i;

	while (next < config->n_vmacs && vmac_same_mac(&config->vmacs[next], &config->vmacs[i]))
		next++;
	return next;
}
