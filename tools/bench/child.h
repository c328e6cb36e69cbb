/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * child - helper processes in namespaces, commands, and waiting that ends.
 *
 * Every child dies with the benchmark (PR_SET_PDEATHSIG), and every wait has a bound and
 * returns early once the benchmark has been asked to stop.
 */
#ifndef PGW_BENCH_CHILD_H
#define PGW_BENCH_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

uint64_t now_ns(void); /* CLOCK_MONOTONIC */

/* interrupt_install() - let SIGINT, SIGTERM and SIGHUP end the benchmark in order. */
void interrupt_install(void);
bool interrupted(void);

/* Where a child runs. */
struct place {
	int netns; /* descriptor of a network namespace, -1: the caller's */
	int cpu;   /* -1: any */
};

/**
 * child_start() - run @fn in a child process
 * @fn: its return value becomes the exit status
 * Return: process id, or -errno.
 */
pid_t child_start(struct place place, int (*fn)(void *arg), void *arg);

/* child_place() - put the calling process there. Return: 0 or -errno. */
int child_place(struct place place);

/* child_sysfs() - make /sys show the calling process's network namespace. Return: 0 or -errno. */
int child_sysfs(void);

/* child_end() - kill and reap; does nothing for @pid <= 0. */
void child_end(pid_t pid);

/* child_wait() - Return: exit status (128 + signal if killed), or -ETIMEDOUT, -EINTR. */
int child_wait(pid_t pid, unsigned timeout_ms);

/* wait_until() - poll a condition. Return: whether it came true in time. */
bool wait_until(bool (*condition)(const void *arg), const void *arg, unsigned timeout_ms);

/* pace_until() - let time pass up to @at_ns of now_ns(): the tick of a load, not a wait for
 * something */
void pace_until(uint64_t at_ns);

/* wait_ns() - let time pass. Return: false if interrupted. */
bool wait_ns(uint64_t ns);

/* shared() - zeroed memory shared with children started later; NULL without memory. */
void *shared(size_t bytes);
void unshared(void *memory, size_t bytes);

#define COMMAND_TIMEOUT_MS 60000

/**
 * command() - run a program to its end
 * @input: what it reads on standard input, less than 64 KB, or NULL
 * @output: receives standard output and error, NUL terminated; may be NULL
 * @size: bytes at @output
 * Return: its exit status, or -errno.
 */
int command(struct place place, const char *const argv[], const char *input, char *output,
	    size_t size);

#endif
