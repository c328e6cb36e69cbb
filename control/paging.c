/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/paging.h"

#include <errno.h>
#include <string.h>

#include "control/ctl/log.h"
#include "datapath/base/huge.h"

void paging_want(struct gateway *gateway, size_t bytes)
{
	int code;

	if (bytes < HUGE_WORTH_BYTES)
		return;
	code = hugepages_take(&gateway->hugepages);
	if (code == 1)
		ctl_log(TOLD_TABLE, LOG_NOTICE,
			"%s set to advise, was never: the flow table of %zu MiB gets huge pages",
			HUGEPAGES_PARAMETER, bytes >> 20);
	else if (code < 0 && code != -ENOENT)
		ctl_log(TOLD_TABLE, LOG_INFO,
			"%s cannot be set to advise (%s): the flow table of %zu MiB gets small "
			"pages",
			HUGEPAGES_PARAMETER, strerror(-code), bytes >> 20);
}
