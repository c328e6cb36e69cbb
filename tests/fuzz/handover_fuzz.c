/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * handover_fuzz - bytes as messages of pgwd to pgw-relay, with descriptors, and as its
 * configuration.
 *
 * Input: messages of {kind and number of descriptors, length low, length high, text}. Kind: the
 * text is the message; or it is the block of a "configure", beside listening sockets. What must
 * hold: no crash, no descriptor left over, and a right configuration is accepted afterwards.
 */
#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <openssl/pem.h>

#include "datapath/relay/relay.h"

#define MESSAGES_MAX 8u
#define SOCKETS	     4u
#define ROUNDS	     4u /* until all that was sent is read */
#define SEALS	     (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

enum kind { MESSAGE, CONFIGURE, KINDS };

static struct relay *relay;
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static socklen_t address_bytes;
static int sockets[SOCKETS];

/* To begin anew from. */
static const char nothing[] = "{\"revision\":1,\"allow\":[],\"listeners\":[]}";
static int nothing_fd;

static int block(const char *text, size_t bytes);

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);
EVP_PKEY *__real_PEM_read_bio_PrivateKey(BIO *bio, EVP_PKEY **key, pem_password_cb *password,
					 void *context);
EVP_PKEY *__wrap_PEM_read_bio_PrivateKey(BIO *bio, EVP_PKEY **key, pem_password_cb *password,
					 void *context);

/*
 * __wrap_fcntl() - each memfd looks sealed
 * Sealing may wait for all processors, which then takes many times as long as the rest. Nothing
 * here writes to a block once it is made; what is no memfd is told apart as ever.
 */
int __wrap_fcntl(int fd, int command, ...)
{
	int seals;

	if (command != F_GET_SEALS && command != F_ADD_SEALS)
		abort(); /* neither the relay nor this asks for anything else */
	seals = __real_fcntl(fd, F_GET_SEALS);
	if (seals < 0)
		return seals;
	return command == F_GET_SEALS ? seals | SEALS : 0;
}

/*
 * __wrap_PEM_read_bio_PrivateKey() - the key that was read last is read only once
 * Most configurations bring the same, and reading it takes longer than all the rest of a run. Any
 * other text goes to libcrypto.
 */
EVP_PKEY *__wrap_PEM_read_bio_PrivateKey(BIO *bio, EVP_PKEY **key, pem_password_cb *password,
					 void *context)
{
	static EVP_PKEY *last;
	static char last_text[4096];
	static size_t last_bytes;
	EVP_PKEY *result;
	char *text;
	long n = BIO_get_mem_data(bio, &text);

	if (last && n > 0 && (size_t)n == last_bytes && !memcmp(text, last_text, last_bytes)) {
		EVP_PKEY_up_ref(last);
		return last;
	}
	result = __real_PEM_read_bio_PrivateKey(bio, key, password, context);
	if (result && (size_t)n <= sizeof(last_text)) {
		EVP_PKEY_free(last);
		EVP_PKEY_up_ref(result);
		last = result;
		last_bytes = (size_t)n;
		memcpy(last_text, text, last_bytes);
	}
	return result;
}

static uint64_t stopped(void *context)
{
	(void)context;
	return 1000;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct relay_error error;

	(void)argc;
	(void)argv;
	(void)snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "handover-fuzz-%d",
		       (int)getpid());
	address_bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
				    strlen(address.sun_path + 1));
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, address_bytes) || listen(fd, 4) ||
	    relay_create(&relay, fd, stopped, NULL, &error))
		abort();
	nothing_fd = block(nothing, sizeof(nothing) - 1);
	for (unsigned i = 0; i < SOCKETS; i++) {
		const struct sockaddr_in any = {.sin_family = AF_INET,
						.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

		sockets[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (sockets[i] < 0 ||
		    bind(sockets[i], (const struct sockaddr *)&any, sizeof(any)) ||
		    listen(sockets[i], 4))
			abort();
	}
	return 0;
}

static void rounds(void)
{
	for (unsigned i = 0; i < ROUNDS; i++)
		loop_round(relay_loop(relay), 0);
}

static void send_text(int fd, const char *text, size_t bytes, const int *fds, unsigned n_fds)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE((SOCKETS + 1) * sizeof(int))];
	} ancillary = {.bytes = {0}};
	struct iovec piece = {(void *)(uintptr_t)text, bytes};
	struct msghdr msg = {.msg_iov = &piece, .msg_iovlen = 1};

	if (n_fds) {
		ancillary.header.cmsg_level = SOL_SOCKET;
		ancillary.header.cmsg_type = SCM_RIGHTS;
		ancillary.header.cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(&ancillary.header), fds, n_fds * sizeof(int));
		msg.msg_control = &ancillary;
		msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
	}
	(void)sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static int block(const char *text, size_t bytes)
{
	int fd = memfd_create("block", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || write(fd, text, bytes) != (ssize_t)bytes || fcntl(fd, F_ADD_SEALS, SEALS))
		abort();
	return fd;
}

static void configure(int fd, int memfd, size_t bytes, unsigned n_sockets)
{
	int fds[SOCKETS + 1] = {memfd};
	char message[64];
	int length =
		snprintf(message, sizeof(message), "{\"op\":\"configure\",\"bytes\":%zu}", bytes);

	memcpy(fds + 1, sockets, sizeof(sockets));
	send_text(fd, message, (size_t)length, fds, 1 + n_sockets);
	rounds();
}

static int connected(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, address_bytes))
		abort();
	rounds();
	return fd;
}

/* drain() - Return: whether the last answer was "ok" */
static bool drain(int fd)
{
	struct handover_message message;
	bool ok = false;

	while (handover_receive(fd, &message) == 1) {
		ok = !strcmp(handover_op(&message), "ok");
		handover_free(&message);
	}
	return ok;
}

static int lowest(void)
{
	int fd = dup(STDIN_FILENO);

	assert(fd >= 0);
	close(fd);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int before = lowest(), fd = connected();

	for (unsigned i = 0; i < MESSAGES_MAX && size >= 3; i++) {
		unsigned kind = data[0] % KINDS, n_fds = data[0] / KINDS % (SOCKETS + 1);
		size_t n = (size_t)(data[1] | data[2] << 8);

		data += 3;
		size -= 3;
		n = n < size ? n : size;
		if (kind == CONFIGURE) {
			int memfd = block((const char *)data, n);

			configure(fd, memfd, n, n_fds);
			close(memfd);
		} else {
			send_text(fd, (const char *)data, n, sockets, n_fds);
		}
		rounds();
		drain(fd);
		data += n;
		size -= n;
	}
	close(fd);
	rounds();
	fd = connected();
	configure(fd, nothing_fd, sizeof(nothing) - 1, 0);
	assert(drain(fd));
	close(fd);
	rounds();
	assert(lowest() == before);
	return 0;
}
