/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ssh - the server's end of one SSH connection, as bytes in and bytes out: RFC 4253 (transport),
 * RFC 4252 (authentication), RFC 4254 (connection). See ssh.c for its states.
 *
 * Whoever owns the connection feeds what the client sent into ssh_input(), sends what lies in
 * ssh_output(), and is called back through struct ssh_handler. Only the gateway opens channels. A
 * client's own attempts are refused: there is no shell here.
 */
#ifndef PGW_RELAY_SSH_H
#define PGW_RELAY_SSH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datapath/relay/ssh_buffer.h"
#include "datapath/relay/ssh_key.h"
#include "datapath/relay/ssh_wire.h"

#define SSH_WINDOW_BYTES (2u * 1024 * 1024) /* that a channel grants, at most */
#define SSH_DATA_MAX	 32768u		    /* bytes in one message of a channel */
#define SSH_CHANNELS_MAX 8192u
#define SSH_ERROR_TEXT	 160
#define SSH_OUTPUT_PAUSE (256u * 1024)	/* ssh_channel_room() is 0 above */
#define SSH_OUTPUT_STOP	 (1024u * 1024) /* feed nothing while more than this waits */
#define SSH_REKEY_BYTES	 (1024ull * 1024 * 1024)
#define SSH_ANSWER_MAX	 512u /* bytes of text in the answer to a global request */

struct ssh;

/* What a client shows when it asks to log in. */
struct ssh_auth {
	enum { SSH_AUTH_NONE, SSH_AUTH_PASSWORD, SSH_AUTH_KEY } method;
	struct ssh_text user;
	struct ssh_text secret; /* password, or the blob of the public key (not proven yet) */
};

enum ssh_granted { SSH_REFUSED, SSH_GRANTED, SSH_LATER };

enum ssh_channel_state {
	SSH_CHANNEL_OPENING, /* asked for; nothing may be sent */
	SSH_CHANNEL_OPEN,
	SSH_CHANNEL_CLOSING, /* CLOSE sent, theirs has not come; what comes is thrown away */
};

struct ssh_channel {
	void *user; /* the owner's; NULL: nobody wants to hear of it any more */
	uint32_t id, peer_id;
	enum ssh_channel_state state;
	bool eof_sent, eof_received;
	bool waits;	       /* for room, in the queue */
	uint32_t window;       /* bytes that we may send */
	uint32_t packet_max;   /* bytes of data in one message to the peer */
	uint32_t granted;      /* bytes that the peer may send */
	uint32_t window_bytes; /* what granted is raised to */
	uint32_t consumed;     /* bytes taken since granted was last raised */
};

struct ssh_handler {
	/* SSH_LATER is not possible here. For SSH_AUTH_KEY the signature is checked afterwards. */
	enum ssh_granted (*authenticate)(void *owner, const struct ssh_auth *auth);
	void (*authenticated)(void *owner);
	/*
	 * A global request. @answer: what goes into REQUEST_SUCCESS. SSH_LATER: nothing more is
	 * taken from the input until ssh_answer().
	 */
	enum ssh_granted (*request)(void *owner, struct ssh_text name, struct ssh_reader *body,
				    struct ssh_writer *answer);
	void (*channel_opened)(void *owner, struct ssh_channel *channel);
	/* Not opened; the channel is gone afterwards. */
	void (*channel_refused)(void *owner, struct ssh_channel *channel, struct ssh_text why);
	/* Call ssh_channel_consumed() when the bytes have found their place. */
	void (*channel_data)(void *owner, struct ssh_channel *channel, const uint8_t *data,
			     size_t n);
	void (*channel_eof)(void *owner, struct ssh_channel *channel);
	/* The peer has closed; the channel is gone afterwards. */
	void (*channel_closed)(void *owner, struct ssh_channel *channel);
	/* There is room again: see ssh_channel_room(). */
	void (*channel_writable)(void *owner, struct ssh_channel *channel);
};

struct ssh_settings {
	const char *banner;	   /* "SSH-2.0-pgw": ours, without CR LF */
	const char *client_banner; /* what the client's must begin with */
	const struct ssh_host_key *key;
	const struct ssh_handler *handler;
	void *owner;
	const char *methods;  /* of authentication, for USERAUTH_FAILURE: "publickey,password" */
	uint64_t rekey_bytes; /* in one direction before we ask for new keys; 0: SSH_REKEY_BYTES */
};

/* ssh_create() - Return: NULL without memory; ssh_output() holds the banner then. */
struct ssh *ssh_create(const struct ssh_settings *settings);
void ssh_free(struct ssh *ssh);

/*
 * ssh_input() - take what the client sent; @data is decrypted in place
 * Return: 0, or a negative errno after which the connection is over; send the output, which may
 * hold a DISCONNECT, and close. ssh_error() says why.
 */
int ssh_input(struct ssh *ssh, uint8_t *data, size_t n);

/* ssh_output() - what is to be sent; take it with ssh_buffer_consume(), then ssh_sent() */
struct ssh_buffer *ssh_output(struct ssh *ssh);
/* ssh_sent() - call after output was taken: channels may have room again */
void ssh_sent(struct ssh *ssh);

const char *ssh_error(const struct ssh *ssh);
bool ssh_is_open(const struct ssh *ssh); /* logged in */
const char *ssh_client_version(const struct ssh *ssh);

/* ssh_disconnect() - tell the client why, and take nothing more from it */
void ssh_disconnect(struct ssh *ssh, unsigned reason, const char *text);

/* ssh_rekey() - ask for new keys now; Return: 0 or -errno */
int ssh_rekey(struct ssh *ssh);

/* ssh_answer() - the answer to the request for which the handler said SSH_LATER; 0 or as
 * ssh_input() */
int ssh_answer(struct ssh *ssh, enum ssh_granted granted, struct ssh_text text);
bool ssh_waits_for_answer(const struct ssh *ssh);

/* ssh_probe() - a global request that wants an answer, any: a dead client gives none */
int ssh_probe(struct ssh *ssh, const char *name);
/* ssh_heard() - how many messages have come: a dead client's stays the same */
uint64_t ssh_heard(const struct ssh *ssh);

/*
 * ssh_channel_open() - ask the client for a channel
 * @extra: what follows window and packet size in CHANNEL_OPEN.
 * Return: the channel, opening; NULL without memory or with SSH_CHANNELS_MAX of them.
 */
struct ssh_channel *ssh_channel_open(struct ssh *ssh, const char *type, struct ssh_text extra,
				     uint32_t window_bytes, void *user);

/*
 * ssh_channel_room() - bytes that may be given to ssh_channel_fill() now
 * When it is 0, channel_writable() is called once it is not.
 */
size_t ssh_channel_room(struct ssh *ssh, struct ssh_channel *channel);

/*
 * ssh_channel_fill() - where to put up to @n <= ssh_channel_room() bytes of data, NULL without
 * memory Follow it at once with ssh_channel_filled(), with 0 if there was nothing after all.
 */
uint8_t *ssh_channel_fill(struct ssh *ssh, struct ssh_channel *channel, size_t n);
int ssh_channel_filled(struct ssh *ssh, struct ssh_channel *channel, size_t n);

void ssh_channel_eof(struct ssh *ssh, struct ssh_channel *channel);
/* ssh_channel_close() - no callback follows; the channel may be gone already. */
void ssh_channel_close(struct ssh *ssh, struct ssh_channel *channel);
/* ssh_channel_consumed() - @n bytes of its data need no place here any more */
void ssh_channel_consumed(struct ssh *ssh, struct ssh_channel *channel, size_t n);
unsigned ssh_channel_count(const struct ssh *ssh);

#endif
