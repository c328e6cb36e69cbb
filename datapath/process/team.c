/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/process/team.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

int team_open(struct team *team, unsigned n)
{
	*team = (struct team){.n = 1};
	if (n <= 1)
		return 0;
	if (pthread_mutex_init(&team->gate, NULL))
		return -ENOMEM;
	for (; team->n <= n; team->n++) {
		unsigned i = team->n - 1;

		if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
			       team->wake_fds[i])) {
			int err = -errno;

			team->n--;
			team_close(team);
			return err;
		}
		pthread_mutex_init(&team->work[i], NULL); /* Linux's cannot fail */
	}
	team->n = n;
	return 0;
}

void team_close(struct team *team)
{
	for (unsigned i = 0; team->n > 1 && i < team->n; i++) {
		close(team->wake_fds[i][0]);
		close(team->wake_fds[i][1]);
		pthread_mutex_destroy(&team->work[i]);
	}
	if (team->n > 1)
		pthread_mutex_destroy(&team->gate);
	team->n = 1;
}

int team_wake_fd(const struct team *team, unsigned number)
{
	return team->n > 1 ? team->wake_fds[number][0] : -1;
}

void team_wake(const struct team *team, unsigned number)
{
	/* Without room there is a byte already. */
	(void)send(team->wake_fds[number][1], "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void team_woken(const struct team *team, unsigned number)
{
	char bytes[16];
	struct iovec piece = {.iov_base = bytes, .iov_len = sizeof(bytes)};
	struct msghdr msg = {.msg_iov = &piece, .msg_iovlen = 1};

	while (recvmsg(team->wake_fds[number][0], &msg, MSG_DONTWAIT) > 0)
		;
}

void team_stand_still(struct team *team)
{
	if (team->n == 1)
		return;
	pthread_mutex_lock(&team->gate);
	atomic_store(&team->wanted, true);
	for (unsigned i = 1; i < team->n; i++)
		pthread_mutex_lock(&team->work[i]);
}

void team_go_on(struct team *team)
{
	if (team->n == 1)
		return;
	atomic_store(&team->wanted, false);
	for (unsigned i = 1; i < team->n; i++) {
		team->told[i] = true;
		pthread_mutex_unlock(&team->work[i]);
	}
	pthread_mutex_unlock(&team->gate);
	for (unsigned i = 1; i < team->n; i++)
		team_wake(team, i);
}

void team_ask(struct team *team)
{
	atomic_store(&team->owed, (1u << team->n) - 2);
	for (unsigned i = 1; i < team->n; i++)
		team_wake(team, i);
}

bool team_answered(struct team *team)
{
	return !atomic_load(&team->owed);
}

void team_dismiss(struct team *team)
{
	atomic_store(&team->quit, true);
	for (unsigned i = 1; i < team->n; i++)
		team_wake(team, i);
}

bool team_begin(struct team *team, unsigned number, bool *told)
{
	uint32_t bit = 1u << number;

	if (atomic_load(&team->wanted)) {
		pthread_mutex_lock(&team->gate);
		pthread_mutex_unlock(&team->gate);
	}
	pthread_mutex_lock(&team->work[number]);
	*told = team->told[number];
	team->told[number] = false;
	/* the last one says so */
	if (atomic_load_explicit(&team->owed, memory_order_relaxed) & bit &&
	    atomic_fetch_and(&team->owed, ~bit) == bit)
		team_wake(team, 0);
	return !atomic_load(&team->quit);
}

void team_end(struct team *team, unsigned number)
{
	pthread_mutex_unlock(&team->work[number]);
}
