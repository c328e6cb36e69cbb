/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ssh_private - what ssh.c, ssh_version.c, ssh_auth.c and ssh_channel.c share. See ssh.c for the
 * states.
 */
#ifndef PGW_RELAY_SSH_PRIVATE_H
#define PGW_RELAY_SSH_PRIVATE_H

#include "datapath/relay/ssh.h"
#include "datapath/relay/ssh_cipher.h"
#include "datapath/relay/ssh_kex.h"
#include "datapath/relay/ssh_message.h"

enum ssh_state {
	SSH_STATE_VERSION, /* their version line has not come */
	SSH_STATE_KEYS,	   /* first key exchange */
	SSH_STATE_SERVICE, /* a service has not been asked for */
	SSH_STATE_AUTH,
	SSH_STATE_OPEN,
};

enum ssh_exchange {
	SSH_EXCHANGE_NONE,
	SSH_EXCHANGE_ASKED,   /* our KEXINIT is out: we send nothing but key exchange */
	SSH_EXCHANGE_CHOSEN,  /* theirs has come, too: neither do they */
	SSH_EXCHANGE_NEWKEYS, /* our NEWKEYS is out, theirs has not come */
};

struct ssh {
	struct ssh_settings settings;
	enum ssh_state state;
	int failed; /* negative errno: over */
	char error[SSH_ERROR_TEXT];
	char *client_version; /* without CR LF */
	struct ssh_buffer in; /* an incomplete line or packet */
	struct ssh_buffer out;
	size_t out_peak, out_usual; /* bytes in out at most, since it was empty; the time before */
	struct ssh_buffer held;	    /* payloads that wait for the end of a key exchange */

	struct ssh_cipher cipher[2];   /* by enum ssh_direction */
	uint32_t sequence[2];	       /* of the next packet */
	uint64_t packets[2], bytes[2]; /* under these keys */
	struct ssh_kex *kex;	       /* while there is one */
	enum ssh_exchange exchange;
	bool strict, skip_guess;
	bool gcm;   /* ssh_kex_prefers_gcm() */
	bool keyed; /* session is set */
	uint8_t session[SSH_HASH_BYTES];

	unsigned attempts;   /* to log in */
	bool asked;	     /* what there is to log in by */
	bool later;	     /* the handler owes an answer */
	bool later_silently; /* which the client does not want to hear */
	uint64_t heard;
	struct ssh_channel **channels; /* by id; NULL where free */
	uint32_t n_places, n_channels, first_free;
	/* Channels that were refused room, in order. */
	uint32_t *waiting;
	uint32_t n_waiting, waiting_capacity;
};

/* ssh_fail() - over: remember why, tell the client; Return: @error. */
int ssh_fail(struct ssh *ssh, int error, unsigned reason, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* ssh_send() - one payload; waits in held while keys are exchanged; 0 or -errno (over) */
int ssh_send(struct ssh *ssh, const uint8_t *payload, size_t n);

/* ssh_begin(), ssh_finish() - a payload of up to @n bytes, written where it is sent from. Not while
 * keys are exchanged, except for the exchange itself. */
uint8_t *ssh_begin(struct ssh *ssh, size_t n);
int ssh_finish(struct ssh *ssh, size_t n);

/* ssh_version_bytes() - of the line that begins at @data; 0: not known yet; negative: over */
long ssh_version_bytes(struct ssh *ssh, const uint8_t *data, size_t n);
/* ssh_version_take() - check and keep a line without its LF; 0 or -errno (over) */
int ssh_version_take(struct ssh *ssh, const uint8_t *line, size_t n);

/* ssh_auth_message() - a message while in SSH_STATE_SERVICE or SSH_STATE_AUTH; 0 or -errno */
int ssh_auth_message(struct ssh *ssh, struct ssh_text payload);

/* ssh_connection_message() - a message of RFC 4254, once logged in; 0 or -errno */
int ssh_connection_message(struct ssh *ssh, struct ssh_text payload);

/* ssh_send_answer() - to a global request; 0 or -errno (over) */
int ssh_send_answer(struct ssh *ssh, enum ssh_granted granted, struct ssh_text text);

void ssh_channels_free(struct ssh *ssh);

#endif
