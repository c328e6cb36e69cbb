/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/health/prober.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "control/health/probe.h"

#define EVENTS 64

struct prober {
	int epoll;
	unsigned n;
	gnutls_certificate_credentials_t credentials; /* NULL: no TLS check was made yet */
	struct probe probes[];
};

int prober_open(struct prober **prober, unsigned probes)
{
	struct prober *p = calloc(1, sizeof(*p) + probes * sizeof(p->probes[0]));
	int code;

	if (!p)
		return -ENOMEM;
	p->n = probes;
	for (unsigned i = 0; i < probes; i++)
		p->probes[i].fd = -1;
	p->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (p->epoll < 0) {
		code = -errno;
		free(p);
		return code;
	}
	*prober = p;
	return 0;
}

void prober_close(struct prober *p)
{
	if (!p)
		return;
	for (unsigned i = 0; i < p->n; i++)
		probe_stop(&p->probes[i]);
	if (p->credentials)
		gnutls_certificate_free_credentials(p->credentials);
	close(p->epoll);
	free(p);
}

int prober_fd(const struct prober *p)
{
	return p->epoll;
}

static void copy_reason(char *reason, const struct probe *probe)
{
	memcpy(reason, probe->reason, PROBE_REASON_BYTES);
}

static enum probe_result start(void *context, unsigned slot, const struct probe_spec *spec,
			       char reason[PROBE_REASON_BYTES])
{
	struct prober *p = context;
	struct probe *probe = &p->probes[slot];
	struct epoll_event event = {.data.u32 = slot};
	enum probe_result result;

	if (spec->kind == CHECK_TLS && !p->credentials &&
	    gnutls_certificate_allocate_credentials(&p->credentials)) {
		p->credentials = NULL;
		strcpy(reason, "TLS: out of memory");
		return PROBE_UNKNOWN;
	}
	result = probe_start(probe, spec, p->credentials);
	event.events = probe_events(probe);
	if (result == PROBE_GOES_ON && epoll_ctl(p->epoll, EPOLL_CTL_ADD, probe->fd, &event)) {
		strcpy(probe->reason, "cannot watch the socket");
		result = PROBE_UNKNOWN;
	}
	copy_reason(reason, probe);
	if (result != PROBE_GOES_ON)
		probe_stop(probe);
	return result;
}

static enum probe_result stop(void *context, unsigned slot, char reason[PROBE_REASON_BYTES])
{
	struct prober *p = context;

	copy_reason(reason, &p->probes[slot]);
	return probe_stop(&p->probes[slot]); /* closing takes it out of the epoll set */
}

const struct health_prober prober_ops = {.start = start, .stop = stop};

void prober_work(struct prober *p, struct health *health, int64_t now_ms)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(p->epoll, events, EVENTS, 0);

	for (int i = 0; i < n; i++) {
		unsigned slot = events[i].data.u32;
		struct probe *probe = &p->probes[slot];
		struct epoll_event event = {.data.u32 = slot};
		enum probe_result result;
		uint32_t before;
		char reason[PROBE_REASON_BYTES];

		if (probe->fd < 0)
			continue;
		before = probe_events(probe);
		result = probe_ready(probe);
		event.events = probe_events(probe);
		if (result == PROBE_GOES_ON && event.events != before &&
		    epoll_ctl(p->epoll, EPOLL_CTL_MOD, probe->fd, &event)) {
			strcpy(probe->reason, "cannot watch the socket");
			result = PROBE_UNKNOWN;
		}
		if (result == PROBE_GOES_ON)
			continue;
		copy_reason(reason, probe);
		probe_stop(probe);
		health_finish(health, slot, result, reason, now_ms);
	}
}
