/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tunnel - secure gateways: stages, the connectors that dial in, the endpoints that they offer.
 *
 *   part      of pgw-relay (part.h): takes configurations, answers pgwd           tunnel.c
 *   stage     a secure gateway: its token, keys, inside address, who may use it    tunnel_stage.c
 *   guard     slows down those who guess tokens                                    tunnel_guard.c
 *   link      one connection of a connector, from accept() to its end              tunnel_link.c
 *   accept    connections out of listening sockets                                 tunnel_accept.c
 *   http      the request that opens its WebSocket                                tunnel_http.c
 *   wire      its socket, with TLS or without                                      tunnel_wire.c
 *   request   what it asks for inside SSH                                          tunnel_request.c
 *   endpoint  a port that links offer; its listening socket                        endpoint.c
 *   offer     one link's share in one endpoint
 *   stream    one TCP connection to an endpoint, carried by a channel endpoint_stream.c datagrams
 * of a UDP endpoint, in one channel per offer                          endpoint_datagram.c
 *
 * Who owns whom: part > stages > links and endpoints; an offer belongs to both and ends with
 * either; streams belong to their link. All is in one thread. What has ended is taken out of every
 * list at once, and its memory is freed at the end of the loop's round.
 */
#ifndef PGW_RELAY_TUNNEL_H
#define PGW_RELAY_TUNNEL_H

#include <netinet/in.h>
#include <sys/queue.h>

#include <openssl/ssl.h>

#include "datapath/relay/chisel.h"
#include "datapath/relay/gob.h"
#include "datapath/relay/loop.h"
#include "datapath/relay/part.h"
#include "datapath/relay/ssh.h"
#include "datapath/relay/tunnel_guard.h"
#include "datapath/relay/websocket.h"
#include "datapath/relay/websocket_head.h"

#define TUNNEL_STAGES_MAX    64u
#define TUNNEL_LINKS_MAX     8192u /* logged in */
#define TUNNEL_PENDING_MAX   1024u /* not logged in yet; one more ends the oldest of them */
#define TUNNEL_ENDING_MAX    8192u /* being told why; one more ends the oldest of them at once */
#define TUNNEL_ENDPOINTS_MAX 16384u
#define TUNNEL_FIGURES_MAX   1000u  /* endpoints that are told of for metrics */
#define TUNNEL_OFFERS_MAX    256u   /* endpoints of one link */
#define TUNNEL_STREAMS_MAX   32768u /* of all links together */
#define TUNNEL_SCRATCH_BYTES (256u * 1024)
#define TUNNEL_NAME_BYTES    32
#define TUNNEL_UUID_BYTES    37 /* text, NUL */
#define TUNNEL_TOKEN_BYTES   32 /* of a token's SHA-256 */
#define TUNNEL_TEXT_BYTES    160
#define TUNNEL_NETWORKS_MAX  256u
#define TUNNEL_KEYS_MAX	     256u
#define TUNNEL_PEER_BYTES    24 /* "255.255.255.255:65535", NUL */

#define TUNNEL_SNIFF_MS	  2000u		   /* for its first byte; then it is greeted as SSH */
#define TUNNEL_LOGIN_MS	  20000u	   /* from accept() to being logged in */
#define TUNNEL_ASK_MS	  10000u	   /* pgwd opens a port */
#define TUNNEL_PROBE_MS	  30000u	   /* of silence, then it is asked whether it is there */
#define TUNNEL_SILENCE_MS 90000u	   /* then it is gone */
#define TUNNEL_ENDING_MS  3000u		   /* the peer ends after all was sent */
#define TUNNEL_CONNECT_MS 15000u	   /* a connector opens a channel */
#define TUNNEL_IDLE_MS	  7440000u	   /* a stream without any byte, if pgwd does not say */
#define TUNNEL_HALF_MS	  300000u	   /* the same, where one direction has ended */
#define TUNNEL_LINGER_MS  30000u	   /* the other end takes nothing of what is left */
#define TUNNEL_IDLE_MAX	  (1000u * 604800) /* the largest tcp-idle-timeout, and more */

enum tunnel_refusal {
#define REFUSAL(symbol, name, text) REFUSAL_##symbol,
#include "datapath/relay/refusal.def"
#undef REFUSAL
	REFUSAL_COUNT
};

enum tunnel_balance { TUNNEL_ROUND_ROBIN, TUNNEL_LEAST_CONNECTIONS };

extern const struct relay_part tunnel_part;

struct tunnel_part;
struct tunnel_link;
struct endpoint;
struct endpoint_offer;
struct endpoint_stream;
struct endpoint_datagrams;

LIST_HEAD(tunnel_links, tunnel_link);
TAILQ_HEAD(tunnel_pending, tunnel_link);
LIST_HEAD(endpoints, endpoint);
LIST_HEAD(endpoint_streams, endpoint_stream);

/* What a channel's user is: a struct endpoint_stream or a struct endpoint_offer, which begin so. */
enum endpoint_user { ENDPOINT_STREAM, ENDPOINT_DATAGRAMS };

struct tunnel_network {
	uint32_t first, last; /* host order */
};

struct tunnel_traffic {
	uint64_t bytes_in, bytes_out; /* seen from the connector: in is what it sent */
	uint64_t connections;	      /* that were given to it, ever */
	uint64_t failed;	      /* of them: refused by it, or it did not answer */
};

/* What a configuration says of a stage. */
struct tunnel_settings {
	char name[TUNNEL_NAME_BYTES];
	char uuid[TUNNEL_UUID_BYTES];
	uint8_t token[TUNNEL_TOKEN_BYTES];
	be32 inside;
	enum tunnel_balance balance;
	struct tunnel_network networks[TUNNEL_NETWORKS_MAX];
	unsigned n_networks;
	struct {
		char name[TUNNEL_NAME_BYTES];
		size_t size;
		uint8_t *blob;
	} keys[TUNNEL_KEYS_MAX];
	unsigned n_keys;
};

struct tunnel_stage {
	struct tunnel_part *part;
	struct tunnel_settings *settings;
	struct tunnel_links links;
	struct endpoints endpoints;
	unsigned n_links, n_endpoints;
	struct tunnel_traffic traffic;
	uint64_t refused; /* clients that may not use it */
};

/* A socket on which connectors dial in. */
struct tunnel_listener {
	struct loop_source source;
	struct tunnel_part *part;
	SSL_CTX *tls; /* NULL: no certificate */
	char key[64];
};

/* wire: the socket below a link */
struct tunnel_wire {
	int fd;
	SSL *tls; /* NULL: plain */
	bool tls_ready;
	bool wants_write; /* the socket takes no more; wait for EPOLLOUT */
};

enum tunnel_phase {
	TUNNEL_SNIFF,  /* the first byte tells TLS, HTTP and SSH apart */
	TUNNEL_TLS,    /* handshake */
	TUNNEL_HEAD,   /* of an HTTP request */
	TUNNEL_PARKED, /* has guessed wrong: gets its answer later */
	TUNNEL_SSH,    /* in a WebSocket or without */
	TUNNEL_ENDING, /* what is left to say is being sent */
	TUNNEL_GONE,   /* will be freed at the end of the round */
};

struct tunnel_link {
	struct loop_source source;
	struct loop_timer timer;
	struct loop_deferred flush, release;
	struct tunnel_part *part;
	struct tunnel_stage *stage; /* NULL until logged in (HTTP: until the token was right) */
	LIST_ENTRY(tunnel_link) of_stage;
	TAILQ_ENTRY(tunnel_link) of_pending;
	struct tunnel_listener *listener;
	uint64_t id;
	enum tunnel_phase phase;
	bool pending; /* in part->pending */
	bool ready;   /* logged in, counts as a connector */
	bool chisel, configured;
	bool probed; /* asked whether it is there, since it was last heard */
	struct tunnel_wire wire;
	struct ssh_buffer head;	    /* HTTP request under way */
	struct ssh_buffer wire_out; /* to be sent as it is */
	struct websocket *websocket;
	struct ssh *ssh;
	struct sockaddr_in peer;
	uint64_t accepted_ms, heard_ms, parked_until_ms, end_ms;
	int64_t since_s;		  /* wall clock, as pgwd shows it */
	char name[TUNNEL_TEXT_BYTES / 4]; /* ?id=, or the user's key */
	char version[32];
	char error[TUNNEL_TEXT_BYTES];	/* the last, of what it does */
	char reason[TUNNEL_TEXT_BYTES]; /* why it ends */
	struct endpoint_offer **offers;
	unsigned n_offers, n_asked;	   /* endpoints that pgwd is opening for it */
	char ask_error[TUNNEL_TEXT_BYTES]; /* why one of them could not be opened */
	unsigned first_of_request;	   /* offers from here on are of the request under way */
	bool tell_port;	      /* OpenSSH asked for port 0 and wants to know which it became */
	const char *key_name; /* of the public key that would do, during the login */
	struct endpoint_streams streams;
	unsigned n_streams;
	struct tunnel_traffic traffic;
};

struct tunnel_part {
	struct relay *relay;
	struct loop *loop;
	struct ssh_host_key *host_key;
	struct tunnel_guard guard;
	struct tunnel_stage *stages[TUNNEL_STAGES_MAX];
	unsigned n_stages;
	struct tunnel_listener *listeners[TUNNEL_STAGES_MAX];
	unsigned n_listeners;
	struct tunnel_pending pending, ending;
	unsigned n_pending, n_ending, n_links, n_streams, n_endpoints;
	struct loop_timer accept_again; /* listening sockets rest until then */
	uint64_t next_id;
	uint64_t idle_ms;     /* a stream without any byte */
	uint64_t half_ms;     /* the same, where one direction has ended */
	size_t waiting_bytes; /* for clients that do not take them */
	struct tunnel_counters {
		uint64_t accepted, logins, refused[REFUSAL_COUNT];
	} counters;
	struct tunnel_next *next;  /* a configuration between prepare and commit */
	struct ssh_buffer payload; /* of WebSocket frames; empty between calls, keeps its memory */
	uint8_t scratch[TUNNEL_SCRATCH_BYTES];
};

/* --- stages: tunnel_stage.c --- */

/* tunnel_settings_read() - one stage of a configuration; 0 or -errno with @error */
int tunnel_settings_read(struct tunnel_settings **settings, const json_t *wanted,
			 struct relay_error *error);
void tunnel_settings_free(struct tunnel_settings *settings);
struct tunnel_stage *tunnel_stage_find(const struct tunnel_part *part, struct ssh_text name);
/* tunnel_stage_by_path() - "/sg_UUID" or "/sg_UUID?…" */
struct tunnel_stage *tunnel_stage_by_path(const struct tunnel_part *part, struct ssh_text target);
/* tunnel_stage_by_token() - @user: a stage's name, or "token" for any of them */
struct tunnel_stage *tunnel_stage_by_token(const struct tunnel_part *part, struct ssh_text user,
					   struct ssh_text token);
/* tunnel_stage_by_key() - @name: set to the name under which the key is known */
struct tunnel_stage *tunnel_stage_by_key(const struct tunnel_part *part, struct ssh_text user,
					 struct ssh_text blob, const char **name);
bool tunnel_token_right(const struct tunnel_stage *stage, struct ssh_text token);
bool tunnel_stage_admits(const struct tunnel_stage *stage, be32 source);

/* --- wires: tunnel_wire.c --- */

/* tunnel_tls_context() - a server's, with this certificate chain and key (PEM); NULL: wrong */
SSL_CTX *tunnel_tls_context(const char *certificate, const char *key);
/* tunnel_wire_secure() - speak TLS from now on; 0 or -errno */
int tunnel_wire_secure(struct tunnel_wire *wire, SSL_CTX *context);
/* tunnel_wire_read() - Return: bytes; 0: end of stream; -EAGAIN; other -errno */
long tunnel_wire_read(struct tunnel_wire *wire, uint8_t *data, size_t n);
long tunnel_wire_write(struct tunnel_wire *wire, const uint8_t *data, size_t n);
/* tunnel_wire_handshake() - Return: 0 done, -EAGAIN, other -errno */
int tunnel_wire_handshake(struct tunnel_wire *wire);
bool tunnel_wire_holds_more(const struct tunnel_wire *wire); /* TLS: bytes that poll does not see */
void tunnel_wire_close(struct tunnel_wire *wire);

/* --- connections: tunnel_accept.c --- */

void tunnel_listener_ready(struct loop_source *source, uint32_t events);
/* tunnel_accept() - Return: a connection's descriptor; -1: none now */
int tunnel_accept(struct tunnel_part *part, int listener, struct sockaddr_in *peer);

/* --- links: tunnel_link.c --- */

/* tunnel_link_begin() - @fd: taken over */
void tunnel_link_begin(struct tunnel_listener *listener, int fd, const struct sockaddr_in *peer);
/* tunnel_link_make_room() - end one that has not logged in, or is on its way out; Return: false:
 * there is none */
bool tunnel_link_make_room(struct tunnel_part *part);
/* tunnel_link_flush() - send what lies ready, at the end of this round */
void tunnel_link_flush(struct tunnel_link *link);
/* tunnel_link_end() - say why, where it can be said, and end; its offers and streams end at once */
void tunnel_link_end(struct tunnel_link *link, const char *why);
void tunnel_link_logged_in(struct tunnel_link *link, struct tunnel_stage *stage);
/* tunnel_link_forget() - a listener, or a stage, is about to go: nothing may name it any more */
void tunnel_link_forget(struct tunnel_part *part, const struct tunnel_listener *listener,
			const struct tunnel_stage *stage);
void tunnel_link_free_all(struct tunnel_part *part);
/* For tunnel_http.c: tunnel_link_note() - why it ends, unless that is known already;
 * tunnel_link_finish() - send what lies ready, then wait a moment for the peer's end;
 * tunnel_link_gone() - at once; tunnel_link_feed() - what came; tunnel_link_want() - wait for what
 * its phase needs; tunnel_link_begin_ssh() - 0 or -ENOMEM */
void tunnel_link_note(struct tunnel_link *link, const char *why);
void tunnel_link_finish(struct tunnel_link *link);
void tunnel_link_gone(struct tunnel_link *link);
void tunnel_link_feed(struct tunnel_link *link, uint8_t *data, size_t n);
void tunnel_link_want(struct tunnel_link *link);
int tunnel_link_begin_ssh(struct tunnel_link *link);

/* --- HTTP: tunnel_http.c --- */

/* tunnel_http_go_on() - look at what lies in link->head, as far as it has come */
void tunnel_http_go_on(struct tunnel_link *link);

/* --- requests: tunnel_request.c --- */

extern const struct ssh_handler tunnel_handler;
/* tunnel_request_answered() - pgwd has opened, or not, what the request under way waited for */
void tunnel_request_answered(struct tunnel_link *link, const char *error);

/* --- displays: tunnel_show.c --- */

json_t *tunnel_show(void *part, const json_t *question);
const char *tunnel_peer_text(const struct sockaddr_in *peer, char text[TUNNEL_PEER_BYTES]);

/* --- endpoints: endpoint.c --- */

enum endpoint_state {
	ENDPOINT_ASKED, /* pgwd has not answered */
	ENDPOINT_OPEN,
};

struct endpoint {
	struct loop_source source;
	struct loop_timer timer;
	struct loop_deferred release;
	struct tunnel_stage *stage;
	LIST_ENTRY(endpoint) of_stage;
	uint64_t id;
	enum endpoint_state state;
	uint64_t until_ms; /* an answer is waited for */
	uint64_t asked;	   /* relay_conversation() in which pgwd was; 0: it could not be */
	uint16_t port;
	bool udp, gone;
	struct endpoint_offer **offers;
	unsigned n_offers, next; /* round robin */
	int64_t since_s;
	struct tunnel_traffic traffic;
	uint64_t refused; /* clients from elsewhere */
	char error[TUNNEL_TEXT_BYTES];
	struct endpoint_datagrams *datagrams; /* UDP */
};

struct endpoint_offer {
	enum endpoint_user user; /* ENDPOINT_DATAGRAMS */
	struct endpoint *endpoint;
	struct tunnel_link *link;
	bool waits;		     /* endpoint was asked for, link waits */
	unsigned connections;	     /* now */
	struct ssh_channel *channel; /* UDP: of its datagrams */
	bool channel_open, defined;
	uint64_t asked_ms; /* for its channel */
	struct gob_reader reader;
	char listen_host[CHISEL_HOST_BYTES]; /* OpenSSH: as asked for, and as told in channels */
	char target[CHISEL_TARGET_BYTES];
};

/*
 * endpoint_offer() - this link serves that port from now on
 * Return: the offer; NULL with @error set. offer->waits: the port is being opened.
 */
struct endpoint_offer *endpoint_offer(struct tunnel_link *link, bool udp, uint16_t port,
				      const char *listen_host, const char *target,
				      struct relay_error *error);
void endpoint_offer_end(struct endpoint_offer *offer);
/* endpoint_answer() - pgwd's: @fd is taken over; -1: @error says why not */
void endpoint_answer(struct tunnel_part *part, uint64_t id, int fd, const char *error);
/* endpoints_ask_again() - this pgwd may not have been asked yet */
void endpoints_ask_again(struct tunnel_part *part);
/* endpoint_choose() - who gets the next connection, but for the @n links of the ids in @asked;
 * NULL: nobody is there */
struct endpoint_offer *endpoint_choose(struct endpoint *endpoint, const uint64_t *asked,
				       unsigned n);
struct endpoint_offer *endpoint_find_offer(const struct tunnel_link *link, bool udp, uint16_t port);
bool endpoint_admits(struct endpoint *endpoint, be32 source);

/* --- TCP: endpoint_stream.c --- */

void endpoint_stream_accept(struct endpoint *endpoint);
/* endpoint_streams_end() - those of this link; such as wait for their channel go to another one */
void endpoint_streams_end(struct tunnel_link *link, struct endpoint_offer *only);
/* endpoint_streams_recheck() - end those whose clients the stage no longer admits */
void endpoint_streams_recheck(struct tunnel_link *link);
void endpoint_stream_opened(struct endpoint_stream *stream);
void endpoint_stream_refused(struct endpoint_stream *stream, struct ssh_text why);
void endpoint_stream_data(struct endpoint_stream *stream, const uint8_t *data, size_t n);
void endpoint_stream_eof(struct endpoint_stream *stream);
void endpoint_stream_closed(struct endpoint_stream *stream);
void endpoint_stream_writable(struct endpoint_stream *stream);

/* --- UDP: endpoint_datagram.c --- */

int endpoint_datagrams_begin(struct endpoint *endpoint);
void endpoint_datagrams_end(struct endpoint *endpoint);
void endpoint_datagrams_ready(struct endpoint *endpoint);
void endpoint_datagrams_open(struct endpoint_offer *offer);
/* endpoint_datagrams_lost() - the connector has closed its channel, or given none */
void endpoint_datagrams_lost(struct endpoint_offer *offer);
uint64_t endpoint_datagrams_dropped(const struct endpoint *endpoint);
void endpoint_datagrams_data(struct endpoint_offer *offer, const uint8_t *data, size_t n);

#endif
