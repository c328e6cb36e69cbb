/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/base/counters.h"

#include <assert.h>
#include <stddef.h>

static const struct {
	const char *name, *text;
} reasons[] = {
	[DROP_NONE] = {"none", "not dropped"},
#define DROP(symbol, name, text) [DROP_##symbol] = {name, text},
#include "datapath/base/drop.def"
#undef DROP
};
static_assert(sizeof(reasons) / sizeof(reasons[0]) == DROP_COUNT, "one row a reason");

const char *drop_name(enum drop_reason reason)
{
	return (unsigned)reason < DROP_COUNT ? reasons[reason].name : NULL;
}

const char *drop_text(enum drop_reason reason)
{
	return (unsigned)reason < DROP_COUNT ? reasons[reason].text : NULL;
}
