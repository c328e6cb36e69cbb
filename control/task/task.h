/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * task - work that goes on after the answer, in visible steps: plain data and its states.
 *
 *   TO-DO ──► DOING ──► DONE
 *    │ ▲       │ failed, or was to be canceled
 *    │ │       ▼
 *    │ │     UNDOING ──► ERROR, CANCELED
 *    ▼ └───────────────── ERROR (task-reset)
 *   CANCELED
 *
 * TO-DO      waits for its time or its turn
 * DOING     its steps are taken, one after the other; one is under way
 * UNDOING   what they did is being taken back, and .reason says why; shown as "doing"
 * DONE, ERROR, CANCELED   ended; nothing of it goes on
 *
 * Only task_begin() and its companions below write states. Times are Unix time, ms; 0: none.
 */
#ifndef PGW_TASK_TASK_H
#define PGW_TASK_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#define TASK_STEPS_MAX	 8
#define TASK_WORD_BYTES	 40  /* names */
#define TASK_TEXT_BYTES	 256 /* of a step, a reason */
#define TASK_WHO_BYTES	 80
#define TASK_RESUMES_MAX 3 /* a task that was interrupted more often is taken back */

enum task_state {
	TASK_TODO,
	TASK_DOING,
	TASK_UNDOING,
	TASK_DONE,
	TASK_ERROR,
	TASK_CANCELED,
	TASK_STATE_COUNT
};

enum step_state { STEP_TODO, STEP_DOING, STEP_DONE, STEP_ERROR, STEP_UNDONE, STEP_STATE_COUNT };

struct task_step {
	char name[TASK_WORD_BYTES];
	char text[TASK_TEXT_BYTES];
	enum step_state state;
	uint8_t progress; /* per cent of this step */
};

struct task {
	int64_t id; /* 0: not kept yet */
	char name[TASK_WORD_BYTES];
	char type[TASK_WORD_BYTES];
	enum task_state state;
	bool cancel; /* UNDOING ends in CANCELED */
	char reason[TASK_TEXT_BYTES];
	char description[TASK_TEXT_BYTES];
	char by[TASK_WHO_BYTES], from[TASK_WHO_BYTES]; /* "": not known */
	char service[TASK_WORD_BYTES], server[TASK_WORD_BYTES];
	int64_t datacenter, network_access_id; /* 0: none */
	char network[TASK_WORD_BYTES];
	int64_t created_ms, execution_ms, modified_ms, begun_ms, end_ms;
	uint32_t resumes; /* times that pgwd was restarted in the middle of it */
	struct task_step step[TASK_STEPS_MAX];
	unsigned n_steps;
	unsigned at;	   /* the step under way, or to come */
	json_t *arguments; /* what was asked for, and what undoing needs to know; an object, owned
			    */
};

/* task_state_name() - as programs see it: UNDOING is "doing". */
const char *task_state_name(enum task_state state);
const char *task_status_name(enum task_state state); /* of a server's task */
const char *step_state_name(enum step_state state);

static inline bool task_ended(const struct task *task)
{
	return task->state >= TASK_DONE;
}

unsigned task_progress(const struct task *task); /* per cent */

/* The changes of state. Each needs the state that is named; @now_ms is Unix time. */
void task_begin(struct task *task, int64_t now_ms);	/* TO-DO: the first step is under way */
void task_step_done(struct task *task, int64_t now_ms); /* DOING: the next, or DONE */
/* DOING: what was done has to be undone. @cancel: as it was asked for, not for a failure. */
void task_fail(struct task *task, const char *reason, bool cancel, int64_t now_ms);
void task_undone(struct task *task, int64_t now_ms);			     /* UNDOING */
void task_cancel(struct task *task, const char *reason, int64_t now_ms);     /* TO-DO */
void task_reset(struct task *task, const char *reason, int64_t now_ms);	     /* ERROR: TO-DO */
void task_schedule(struct task *task, int64_t execution_ms, int64_t now_ms); /* TO-DO */

/* task_resume() - as it was read after a restart: DOING begins again with its first step, each of
 * which finds what is done already; one that was interrupted too often is to be undone. */
void task_resume(struct task *task, int64_t now_ms);

void task_free(struct task *task); /* what it owns */

/* task_json() - the object of docs/control-protocol.md. */
json_t *task_json(const struct task *task);

/* task_time() - RFC 3339 in UTC, null for 0. task_time_read() - Return: Unix time in ms, -1 if it
 * is no such date. */
json_t *task_time(int64_t ms);
int64_t task_time_read(const char *text);

/* What is kept of a task beside its columns, as text. task_body() is malloc'ed, NULL without
 * memory; task_body_read() - false if it is damaged. */
char *task_body(const struct task *task);
bool task_body_read(struct task *task, const char *text);

#endif
