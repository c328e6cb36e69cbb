/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ssh_auth - who is it: RFC 4252, with the methods none, password and publickey.
 *
 * Limits: ATTEMPTS_MAX failures, then the connection ends. Asking whether a key would do (section
 * 7) counts for nothing when it would, and as a failure otherwise; the first request without any
 * secret, by which clients ask what there is, counts for nothing.
 */
#include "datapath/relay/ssh_private.h"

#include <errno.h>
#include <string.h>

#define ATTEMPTS_MAX 6u
#define SIGNED_MAX   (SSH_KEY_BLOB_MAX + 512u) /* bytes that a signature covers */
#define USER_MAX     256u

static int say_failure(struct ssh *ssh)
{
	uint8_t payload[96];
	struct ssh_writer writer = {.data = payload, .capacity = sizeof(payload)};

	ssh_put_u8(&writer, SSH_MSG_USERAUTH_FAILURE);
	ssh_put_string(&writer, ssh->settings.methods);
	ssh_put_u8(&writer, 0); /* no partial success */
	return ssh_send(ssh, payload, writer.size);
}

static int failure(struct ssh *ssh)
{
	if (++ssh->attempts >= ATTEMPTS_MAX)
		return ssh_fail(ssh, -EACCES, SSH_DISCONNECT_NO_MORE_AUTH_METHODS,
				"too many attempts to log in");
	return say_failure(ssh);
}

static int success(struct ssh *ssh)
{
	const uint8_t payload = SSH_MSG_USERAUTH_SUCCESS;
	int error = ssh_send(ssh, &payload, 1);

	ssh->state = SSH_STATE_OPEN;
	if (!error)
		ssh->settings.handler->authenticated(ssh->settings.owner);
	return error ? error : ssh->failed;
}

static bool granted(struct ssh *ssh, const struct ssh_auth *auth)
{
	return ssh->settings.handler->authenticate(ssh->settings.owner, auth) == SSH_GRANTED;
}

static int key_would_do(struct ssh *ssh, struct ssh_text algorithm, struct ssh_text blob)
{
	uint8_t payload[SSH_KEY_BLOB_MAX + 64];
	struct ssh_writer writer = {.data = payload, .capacity = sizeof(payload)};

	ssh_put_u8(&writer, SSH_MSG_USERAUTH_PK_OK);
	ssh_put_text(&writer, algorithm);
	ssh_put_text(&writer, blob);
	return writer.full ? failure(ssh) : ssh_send(ssh, payload, writer.size);
}

/* proven() - RFC 4252 section 7: the signature covers the session and the request up to itself */
static bool proven(struct ssh *ssh, struct ssh_text request, struct ssh_text algorithm,
		   struct ssh_text blob, struct ssh_text signature)
{
	uint8_t data[SIGNED_MAX];
	struct ssh_writer writer = {.data = data, .capacity = sizeof(data)};

	ssh_put_text(&writer, (struct ssh_text){ssh->session, sizeof(ssh->session)});
	ssh_put_bytes(&writer, request.data, request.size);
	return !writer.full &&
	       ssh_key_verify(blob, algorithm, (struct ssh_text){data, writer.size}, signature);
}

static int take_key(struct ssh *ssh, struct ssh_auth *auth, struct ssh_text payload,
		    struct ssh_reader *reader)
{
	bool with_signature = ssh_get_bool(reader);
	struct ssh_text algorithm = ssh_get_text(reader), request, signature;

	auth->method = SSH_AUTH_KEY;
	auth->secret = ssh_get_text(reader);
	if (reader->bad || auth->secret.size > SSH_KEY_BLOB_MAX || !granted(ssh, auth))
		return failure(ssh);
	if (!with_signature)
		return key_would_do(ssh, algorithm, auth->secret);
	request = (struct ssh_text){payload.data, payload.size - reader->left};
	signature = ssh_get_text(reader);
	if (reader->bad || reader->left ||
	    !proven(ssh, request, algorithm, auth->secret, signature))
		return failure(ssh);
	return success(ssh);
}

static int take_request(struct ssh *ssh, struct ssh_text payload)
{
	struct ssh_reader reader = {.at = payload.data + 1, .left = payload.size - 1};
	struct ssh_auth auth = {.method = SSH_AUTH_NONE, .user = ssh_get_text(&reader)};
	struct ssh_text service = ssh_get_text(&reader), method = ssh_get_text(&reader);

	if (reader.bad || auth.user.size > USER_MAX)
		return ssh_fail(ssh, -EPROTO, SSH_DISCONNECT_PROTOCOL_ERROR,
				"malformed request to log in");
	if (!ssh_text_is(service, "ssh-connection"))
		return ssh_fail(ssh, -EPROTO, SSH_DISCONNECT_SERVICE_NOT_AVAILABLE,
				"there is no service but ssh-connection");
	if (ssh_text_is(method, "publickey"))
		return take_key(ssh, &auth, payload, &reader);
	if (ssh_text_is(method, "password")) {
		bool change = ssh_get_bool(&reader);

		auth.method = SSH_AUTH_PASSWORD;
		auth.secret = ssh_get_text(&reader);
		if (change || reader.bad || reader.left)
			return failure(ssh);
	} else if (!ssh_text_is(method, "none")) {
		return failure(ssh);
	}
	if (granted(ssh, &auth))
		return success(ssh);
	if (auth.method == SSH_AUTH_NONE && !ssh->asked) {
		ssh->asked = true;
		return say_failure(ssh);
	}
	return failure(ssh);
}

static int take_service(struct ssh *ssh, struct ssh_text payload)
{
	uint8_t answer[32];
	struct ssh_writer writer = {.data = answer, .capacity = sizeof(answer)};
	struct ssh_reader reader = {.at = payload.data + 1, .left = payload.size - 1};
	struct ssh_text name = ssh_get_text(&reader);

	if (reader.bad || reader.left || !ssh_text_is(name, "ssh-userauth"))
		return ssh_fail(ssh, -EPROTO, SSH_DISCONNECT_SERVICE_NOT_AVAILABLE,
				"expected a request for the service ssh-userauth");
	ssh->state = SSH_STATE_AUTH;
	ssh_put_u8(&writer, SSH_MSG_SERVICE_ACCEPT);
	ssh_put_text(&writer, name);
	return ssh_send(ssh, answer, writer.size);
}

int ssh_auth_message(struct ssh *ssh, struct ssh_text payload)
{
	if (payload.data[0] == SSH_MSG_SERVICE_REQUEST && ssh->state == SSH_STATE_SERVICE)
		return take_service(ssh, payload);
	if (payload.data[0] == SSH_MSG_USERAUTH_REQUEST && ssh->state == SSH_STATE_AUTH)
		return take_request(ssh, payload);
	return ssh_fail(ssh, -EPROTO, SSH_DISCONNECT_PROTOCOL_ERROR,
			"message %u is not expected before log-in", payload.data[0]);
}
