/* SPDX-License-Identifier: GPL-2.0-or-later */
/* setting - the settings of the set object, each described once. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "control/config/kind.h"
#include "datapath/base/counters.h"
#include "datapath/flow/layout.h"

#define TIMER_MAX_S	  604800u /* a week; the flow table's clock wraps after 52 days */
#define ICMP_RATE_MAX	  1000000u
#define ICMP_RATE_NORMAL  1000u
#define CREATION_MAX	  1000000u
#define VMAC_QUOTA_NORMAL 32u	 /* as the hosted product has it */
#define MSS_MIN		  536u	 /* what every host takes (RFC 9293, 3.7.1) */
#define MSS_MAX		  65495u /* of the longest IPv4 packet */

#define TIMER(timer, name, min, normal)                                                            \
	[timer] = {name,	"seconds", min,                                                    \
		   TIMER_MAX_S, normal,	   offsetof(struct config, timer_s[timer]),                \
		   {{NULL, 0}}}

/* Defaults are those of RFC 8512, which takes them from RFC 4787, 5382, 5508 and 6888. */
const struct setting settings[SETTING_COUNT] = {
	TIMER(TIMER_UDP, "udp-timeout", 1, 300),
	TIMER(TIMER_TCP_IDLE, "tcp-idle-timeout", 1, 7440),
	TIMER(TIMER_TCP_TRANS_OPEN, "tcp-trans-open-timeout", 1, 240),
	TIMER(TIMER_TCP_TRANS_CLOSE, "tcp-trans-close-timeout", 1, 240),
	TIMER(TIMER_TCP_IN_SYN, "tcp-in-syn-timeout", 1, 6),
	TIMER(TIMER_FRAGMENT_MIN, "fragment-min-timeout", 1, 2),
	TIMER(TIMER_ICMP, "icmp-timeout", 1, 60),
	TIMER(TIMER_HOLD_DOWN, "hold-down-timeout", 0, 120),
	[SETTING_FLOW_CAPACITY] = {"flow-capacity",
				   "a number",
				   FLOW_CAPACITY_MIN,
				   FLOW_CAPACITY_MAX,
				   FLOW_CAPACITY_DEFAULT,
				   offsetof(struct config, flow_capacity),
				   {{NULL, 0}}},
	[SETTING_ICMP_RATE] = {"icmp-rate",
			       "a number",
			       0,
			       ICMP_RATE_MAX,
			       ICMP_RATE_NORMAL,
			       offsetof(struct config, icmp_rate),
			       {{NULL, 0}}},
	[SETTING_CONNECTION_LIMITS] = {"connection-limits",
				       "a number",
				       1,
				       FLOW_CAPACITY_MAX,
				       0,
				       offsetof(struct config, connection_limit),
				       {{"off", 0}}},
	[SETTING_MAPPING_LIMITS] = {"mapping-limits",
				    "a number",
				    1,
				    FLOW_CAPACITY_MAX,
				    0,
				    offsetof(struct config, mapping_limit),
				    {{"off", 0}}},
	[SETTING_CREATION_RATE] = {"creation-rate",
				   "a number",
				   1,
				   CREATION_MAX,
				   0,
				   offsetof(struct config, creation_rate),
				   {{"off", 0}}},
	[SETTING_MSS_CLAMP] = {"mss-clamp",
			       "bytes",
			       MSS_MIN,
			       MSS_MAX,
			       SNAPSHOT_MSS_OFF,
			       offsetof(struct config, mss_clamp),
			       {{"off", SNAPSHOT_MSS_OFF}, {"path", SNAPSHOT_MSS_PATH}}},
	[SETTING_DEAD_FLOW] = {"dead-flow",
			       NULL,
			       1,
			       0,
			       DEAD_FLOW_DROP,
			       offsetof(struct config, dead_flow),
			       {{"drop", DEAD_FLOW_DROP}, {"rst", DEAD_FLOW_RST}}},
	[SETTING_ACCESS_POLICY] = {"access-policy",
				   NULL,
				   1,
				   0,
				   ACCESS_FILTERED,
				   offsetof(struct config, access_policy),
				   {{"filtered", ACCESS_FILTERED}, {"open", ACCESS_OPEN}}},
	[SETTING_THRESHOLD] = {"threshold",
			       "per cent",
			       1,
			       100,
			       0,
			       offsetof(struct config, threshold),
			       {{"off", 0}}},
	[SETTING_DUPLICATE_DETECTION] = {"duplicate-detection",
					 NULL,
					 1,
					 0,
					 DUPLICATE_ANNOUNCE,
					 offsetof(struct config, duplicate_detection),
					 {{"off", DUPLICATE_OFF},
					  {"announce", DUPLICATE_ANNOUNCE},
					  {"probe", DUPLICATE_PROBE}}},
	[SETTING_VMAC_QUOTA] = {"vmac-quota",
				"a number",
				1,
				CONFIG_VMACS_MAX,
				VMAC_QUOTA_NORMAL,
				offsetof(struct config, vmac_quota),
				{{NULL, 0}}},
	[SETTING_WORKERS] = {"workers",
			     "a number",
			     1,
			     COUNTERS_WORKERS,
			     1,
			     offsetof(struct config, workers),
			     {{"auto", WORKERS_AUTO}}},
};
static_assert(sizeof(settings) / sizeof(settings[0]) == SETTING_COUNT, "one per setting");

uint32_t *setting_value(struct config *config, enum config_setting setting)
{
	return (uint32_t *)((char *)config + settings[setting].offset);
}

uint32_t setting_get(const struct config *config, enum config_setting setting)
{
	uint32_t value;

	memcpy(&value, (const char *)config + settings[setting].offset, sizeof(value));
	return value;
}

const char *setting_word(enum config_setting setting, uint32_t value)
{
	for (unsigned i = 0; i < SETTING_WORDS_MAX; i++)
		if (settings[setting].word[i].text && settings[setting].word[i].value == value)
			return settings[setting].word[i].text;
	return NULL;
}

bool setting_valid(enum config_setting setting, uint32_t value)
{
	return (value >= settings[setting].min && value <= settings[setting].max) ||
	       setting_word(setting, value);
}

const char *setting_expected(enum config_setting setting, char text[SETTING_EXPECTED_BYTES])
{
	const struct setting *s = &settings[setting];
	size_t used = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < SETTING_WORDS_MAX && s->word[i].text; i++) {
		bool last = !s->unit && (i + 1 == SETTING_WORDS_MAX || !s->word[i + 1].text);

		used += (size_t)snprintf(text + used, SETTING_EXPECTED_BYTES - used, "%s%s",
					 i == 0 ? ""
					 : last ? " or "
						: ", ",
					 s->word[i].text);
	}
	if (s->unit)
		snprintf(text + used, SETTING_EXPECTED_BYTES - used, "%sa number from %u to %u",
			 used ? " or " : "", s->min, s->max);
	return text;
}
