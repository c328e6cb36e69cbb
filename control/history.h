/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * history - the revisions of one gateway: what it starts with, the record of each change, and the
 * one that is taken back unless it is confirmed. docs/transactions.md says what an operator may
 * rely on.
 *
 * States of the running revision:
 *   kept       its record is in the database; history.running is a copy of it
 *   not kept   the database could not be written when it began to run: said then, and mended by the
 *              next record that succeeds
 *   pending    kept, and so is the promise to go back to pending.base; whose text is in memory as
 *              well, so that a database that is damaged meanwhile does not break the promise
 *
 * A record is written before the datapath gets the snapshot, and taken back if a later step fails.
 * A pgwd that is killed in between leaves a record of what never ran; the next one sees that the
 * datapath runs an earlier revision, and forgets it.
 */
#ifndef PGW_CONTROL_HISTORY_H
#define PGW_CONTROL_HISTORY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "control/ctl/request.h"
#include "control/config/model.h"
#include "control/state/pending.h"
#include "control/state/revision.h"

struct gateway;

/* A change as history sees it. */
struct history_order {
	enum revision_origin origin;
	const struct request_order *asked; /* NULL: nobody asked over the socket */
	uint64_t same_as; /* the revision whose configuration it is; 0: a new one */
	uint64_t number;  /* it has this number and is kept already; 0: a new one */
	bool reverts;	  /* it ends what is pending */
	size_t changes;	  /* statements that differ from what runs */
	const char *note; /* in place of a comment; NULL: the asker's */
};

/* Whether the -c file says what runs; looked at again when either has changed. */
struct history_file {
	bool known, equal, readable;
	uint64_t revision;
	struct timespec mtime;
	off_t bytes;
	ino_t inode;
};

struct history {
	struct revision running;
	bool kept; /* running is in the database */
	struct pending pending;
	char *base_text;     /* of pending.base */
	int64_t retry_ms;    /* going back has failed: not before then */
	uint32_t reminded_s; /* monitors have been told that so much is left */
	struct {
		uint64_t revision; /* that ran last, and differs from the file; 0: none does */
		size_t changes;
	} started;
	struct history_file file;
	/* of the change under way */
	struct revision fresh;
	struct pending fresh_pending;
	bool fresh_kept;
	bool fresh_again; /* it is in the database since an earlier run */
};

/* history_open() - open the database (gateway.state); without it the gateway runs, and says so. */
void history_open(struct gateway *gateway);
void history_close(struct gateway *gateway);

/**
 * history_choose() - what pgwd starts with: @file, or what ran last
 * After the datapath has been adopted or not.
 * @file: the -c file's configuration
 * @chosen: initialised; filled if true is returned
 * @order: filled; its note stays valid until the next call
 * Return: true: @chosen; false: @file.
 */
bool history_choose(struct gateway *gateway, const struct config *file, struct config *chosen,
		    struct history_order *order);

/* history_same_as() - the revision that first had the configuration of @number. */
uint64_t history_same_as(const struct gateway *gateway, uint64_t number);

/* history_next() - the number that the next revision gets. */
uint64_t history_next(const struct gateway *gateway);

/* history_know() - whether the revision that @asked is based on, if it says one, ever was; also of
 * who changes nothing. Return: 0; -ESTALE with @error set. */
int history_know(struct gateway *gateway, const struct request_order *asked,
		 struct ctl_error *error);

/**
 * history_admit() - whether @asked may change what runs now: its base is what runs, and nothing
 * waits to be confirmed
 * @detail: set to an object with the revisions that it missed, or left alone
 * Return: 0; -ESTALE, -EBUSY with @error set.
 */
int history_admit(struct gateway *gateway, const struct request_order *asked, json_t **detail,
		  struct ctl_error *error);

/**
 * history_record() - write down that @config is about to run, as @number
 * Return: 0 also where it could not be kept (gateway.state_trouble says why), unless it has to be
 * because it is to be confirmed: then -errno with @error set.
 */
int history_record(struct gateway *gateway, const struct config *config, uint64_t number,
		   const struct history_order *order, struct ctl_error *error);
void history_unrecord(struct gateway *gateway); /* it did not come to run */
void history_commit(struct gateway *gateway);	/* it runs */

/* history_confirm() - what is pending stays. 0; -ENOENT nothing is; other -errno: not kept. */
int history_confirm(struct gateway *gateway, struct ctl_error *error);

/* history_left_s() - seconds until what is pending is taken back, rounded up; 0: nothing is, or
 * it is due. */
uint32_t history_left_s(const struct gateway *gateway);

/* history_saved() - whether the -c file says what runs. @readable: whether it is a configuration
 * at all; NULL: not of interest. */
bool history_saved(struct gateway *gateway, bool *readable);

/* The loop's. */
int64_t history_due_ms(const struct gateway *gateway);
void history_work(struct gateway *gateway);

/* JSON: of a revision; of what is pending, NULL if nothing is; the first events of a monitor. */
json_t *history_revision_json(const struct gateway *gateway, const struct revision *revision);
json_t *history_pending_json(const struct gateway *gateway);
json_t *history_events_json(struct gateway *gateway);

#endif
