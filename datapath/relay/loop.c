/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/relay/loop.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_MAX  256
#define HEAP_FIRST  64u
#define WAIT_MAX_MS 60000

struct loop {
	int epoll_fd;
	loop_clock clock;
	void *clock_context;
	uint64_t now_ms, rounds;
	struct epoll_event events[EVENTS_MAX]; /* of this round; data.ptr NULL: taken out since */
	int n_events, at_event;
	struct loop_timer **heap; /* from 1; a parent is not due after its children */
	uint32_t n_heap, heap_size;
	struct loop_deferred *deferred, **deferred_end;
	bool ending;
};

static uint64_t monotonic_ms(void *context)
{
	struct timespec now;

	(void)context;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

int loop_create(struct loop **result, loop_clock clock, void *context)
{
	struct loop *loop = calloc(1, sizeof(*loop));
	int code;

	*result = NULL;
	if (!loop)
		return -ENOMEM;
	loop->clock = clock ? clock : monotonic_ms;
	loop->clock_context = context;
	loop->now_ms = loop->clock(context);
	loop->deferred_end = &loop->deferred;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0) {
		code = -errno;
		free(loop);
		return code;
	}
	*result = loop;
	return 0;
}

static void run_deferred(struct loop *loop)
{
	/* What these defer in turn waits for the next round, so that a round always ends. */
	struct loop_deferred *list = loop->deferred;

	loop->deferred = NULL;
	loop->deferred_end = &loop->deferred;
	while (list) {
		struct loop_deferred *next = list->next;

		list->waits = false;
		list->run(list); /* may free it */
		list = next;
	}
}

void loop_destroy(struct loop *loop)
{
	if (!loop)
		return;
	while (loop->deferred)
		run_deferred(loop);
	close(loop->epoll_fd);
	free(loop->heap);
	free(loop);
}

uint64_t loop_now_ms(const struct loop *loop)
{
	return loop->now_ms;
}

int loop_add(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = source};

	assert(!source->added);
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, source->fd, &event))
		return -errno;
	source->events = events;
	source->added = true;
	return 0;
}

void loop_want(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = source};

	if (!source->added || source->events == events)
		return;
	/* Cannot fail: the descriptor is in the set, and changing takes no memory. */
	if (!epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, source->fd, &event))
		source->events = events;
}

/* What is left of the round's list does not name it any more. */
static void forget(struct loop *loop, struct loop_source *source)
{
	source->added = false;
	for (int i = loop->at_event; i < loop->n_events; i++)
		if (loop->events[i].data.ptr == source)
			loop->events[i].data.ptr = NULL;
}

void loop_remove(struct loop *loop, struct loop_source *source)
{
	if (!source->added)
		return;
	epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
	forget(loop, source);
}

void loop_close(struct loop *loop, struct loop_source *source)
{
	if (source->fd < 0)
		return;
	close(source->fd); /* which takes it out of the set */
	if (source->added)
		forget(loop, source);
	source->fd = -1;
}

static void place(struct loop *loop, struct loop_timer *timer, uint32_t at)
{
	loop->heap[at] = timer;
	timer->place = at;
}

static void sift_up(struct loop *loop, struct loop_timer *timer, uint32_t at)
{
	while (at > 1 && loop->heap[at / 2]->due_ms > timer->due_ms) {
		place(loop, loop->heap[at / 2], at);
		at /= 2;
	}
	place(loop, timer, at);
}

static void sift_down(struct loop *loop, struct loop_timer *timer, uint32_t at)
{
	for (uint32_t child; (child = 2 * at) <= loop->n_heap; at = child) {
		if (child < loop->n_heap &&
		    loop->heap[child + 1]->due_ms < loop->heap[child]->due_ms)
			child++;
		if (loop->heap[child]->due_ms >= timer->due_ms)
			break;
		place(loop, loop->heap[child], at);
	}
	place(loop, timer, at);
}

static int grow_heap(struct loop *loop)
{
	uint32_t size = loop->heap_size ? 2 * loop->heap_size : HEAP_FIRST;
	struct loop_timer **grown = realloc(loop->heap, size * sizeof(struct loop_timer *));

	if (!grown)
		return -ENOMEM;
	loop->heap = grown;
	loop->heap_size = size;
	return 0;
}

int loop_timer_set(struct loop *loop, struct loop_timer *timer, uint64_t due_ms)
{
	uint64_t before_ms = timer->due_ms;

	if (timer->place) {
		timer->due_ms = due_ms;
		if (due_ms < before_ms)
			sift_up(loop, timer, timer->place);
		else
			sift_down(loop, timer, timer->place);
		return 0;
	}
	if (loop->n_heap + 1 >= loop->heap_size && grow_heap(loop))
		return -ENOMEM;
	timer->due_ms = due_ms;
	sift_up(loop, timer, ++loop->n_heap);
	return 0;
}

void loop_timer_stop(struct loop *loop, struct loop_timer *timer)
{
	struct loop_timer *last;
	uint32_t at = timer->place;

	if (!at)
		return;
	timer->place = 0;
	last = loop->heap[loop->n_heap--];
	if (last == timer)
		return;
	if (at > 1 && loop->heap[at / 2]->due_ms > last->due_ms)
		sift_up(loop, last, at);
	else
		sift_down(loop, last, at);
}

void loop_defer(struct loop *loop, struct loop_deferred *deferred)
{
	if (deferred->waits)
		return;
	deferred->waits = true;
	deferred->next = NULL;
	*loop->deferred_end = deferred;
	loop->deferred_end = &deferred->next;
}

/* How long to wait: no longer than until the first timer is due. */
static int wait_time(const struct loop *loop, int wait_ms)
{
	uint64_t left_ms;

	if (loop->deferred)
		return 0;
	if (!loop->n_heap)
		return wait_ms;
	left_ms = loop->heap[1]->due_ms > loop->now_ms ? loop->heap[1]->due_ms - loop->now_ms : 0;
	if (left_ms > WAIT_MAX_MS)
		left_ms = WAIT_MAX_MS;
	return wait_ms >= 0 && (uint64_t)wait_ms < left_ms ? wait_ms : (int)left_ms;
}

int loop_round(struct loop *loop, int wait_ms)
{
	uint32_t due = loop->n_heap; /* timers set to the past by timers wait for the next round */
	int n;

	loop->rounds++;
	loop->now_ms = loop->clock(loop->clock_context);
	n = epoll_wait(loop->epoll_fd, loop->events, EVENTS_MAX, wait_time(loop, wait_ms));
	if (n < 0 && errno != EINTR)
		return -errno;
	loop->now_ms = loop->clock(loop->clock_context);
	loop->n_events = n < 0 ? 0 : n;
	for (int i = 0; i < loop->n_events; i++) {
		struct loop_source *source = loop->events[i].data.ptr;

		loop->at_event = i;
		if (source)
			source->ready(source, loop->events[i].events);
	}
	loop->n_events = 0;
	for (; due && loop->n_heap && loop->heap[1]->due_ms <= loop->now_ms; due--) {
		struct loop_timer *timer = loop->heap[1];

		loop_timer_stop(loop, timer);
		timer->fire(timer);
	}
	run_deferred(loop);
	return 0;
}

uint64_t loop_rounds(const struct loop *loop)
{
	return loop->rounds;
}

int loop_run(struct loop *loop)
{
	int code = 0;

	while (!loop->ending && !code)
		code = loop_round(loop, -1);
	return code;
}

void loop_end(struct loop *loop)
{
	loop->ending = true;
}
