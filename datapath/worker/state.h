/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * state - what one worker holds. Private to datapath/worker.
 *
 * Shared with other processes: the flow table (flow/layout.h) and the counters page. Everything
 * else here is made anew from the flows when a table is adopted (flows.c).
 *
 * Workers of one process (docs/decisions/0013-workers.md). Each flow belongs to one of them, its
 * owner, who alone forwards its packets, follows its state, and ends it. What is for all flows
 * together, and met only when one begins or ends, is the lead's (worker 0) and under its lock; a
 * single worker is its own lead and takes no lock. Everything else is each worker's own. Who
 * changes all workers (ports, links, neighbours, snapshots, the table) does so while they stand
 * still.
 */
#ifndef PGW_WORKER_STATE_H
#define PGW_WORKER_STATE_H

#include <arpa/inet.h>
#include <pthread.h>

#include "datapath/base/random.h"
#include "datapath/flow/table.h"
#include "datapath/flow/wheel.h"
#include "datapath/frag/frag.h"
#include "datapath/link/neighbour.h"
#include "datapath/policy/client.h"
#include "datapath/policy/mapping.h"
#include "datapath/policy/ports.h"
#include "datapath/proto/packet.h"
#include "datapath/rewrite/answer.h"
#include "datapath/rewrite/rewrite.h"
#include "datapath/worker/handover.h"
#include "datapath/worker/log.h"
#include "datapath/worker/worker.h"

#define WORKER_ANSWERS	  32u /* ICMP errors and resets under way until the next flush */
#define WORKER_PIECES	  64u /* fragments under way until the next flush */
#define WORKER_HOLD	  (FRAG_WAIT_MAX + NEIGHBOUR_WAIT_MAX)
#define WORKER_SERVICES	  16384u /* services that have a turn of their own */
#define WORKER_PORT_VMACS 64u	 /* virtual MACs on one portgroup; twice what control allows */
#define MS_NS		  1000000ull
/* A host's first flow takes two entries: one for all that it does, one in its pool. */
#define WORKER_CLIENTS(flows) (2 * (flows))

struct worker_portgroup {
	struct io_port *io; /* NULL: absent */
	uint32_t ready_mtu; /* link.mtu while frames can leave here, else 0 */
	struct worker_link link;
	be32 own; /* our address there, for ICMP errors; 0 if none */
	bool last_hop;
	unsigned n_vmacs;
	const struct snapshot_vmac **vmacs; /* accepted there beside link.mac */
	uint8_t source[8]; /* link.mac, and the EtherType: what plain frames sent there begin with
			      behind the destination */
	uint64_t spare;
};
/* Not by accident: every packet finds two of them by index. */
static_assert(sizeof(struct worker_portgroup) == 64, "one line");

/* A walk over all flows, a piece at a time, see sweep.c. */
struct worker_sweep {
	bool running;
	bool chosen;	/* the lead has been asked to end some */
	bool next_hops; /* a neighbour has changed: look at mac[] of all flows too */
	bool snapshot;	/* a snapshot has changed: look whether it admits them */
	uint32_t next;	/* record */
	uint64_t ended;
	uint64_t waiting_ns; /* since when the session log has no room; 0: it has */
};

/* The lead's account of a snapshot's sweeps, each worker's over its own flows. */
struct worker_swept {
	unsigned running; /* workers that have not finished */
	uint64_t ended;	  /* flows */
	bool due;	  /* all have finished: to be reported by the lead */
};

/* The lead's account of what it has been asked to end; the filter changes while all stand still. */
struct worker_chosen {
	struct flow_filter filter;
	uint64_t number;  /* of the question */
	uint64_t left;	  /* flows that may still be ended */
	uint64_t ended;	  /* flows */
	unsigned running; /* workers that have not finished */
	bool due;	  /* all have finished: to be reported by the lead */
};

/* Connections of each backend, by its index in the snapshot. */
struct worker_backends {
	uint32_t *flows;
	uint32_t *recount; /* being made by a sweep that looks at all flows, see backend.c */
	bool recounting;
};

/* What the stages of a burst know of each frame. */
enum worker_way { LANE_DROPPED, LANE_PLAIN, LANE_COMPLETE };
struct worker_lane {
	uint64_t hash; /* of its key */
	uint32_t ref;  /* FLOW_REF that it most likely belongs to, or FLOW_NONE */
	uint8_t way;   /* enum worker_way */
	uint8_t hops;  /* hand-overs so far, where there are several workers */
};

#define OWNER_NOBODY 0xffu

/* What all workers of a process share, beside what the lead's fields below say. */
struct worker_crew {
	unsigned members;
	struct worker *member[WORKERS_MAX];
	struct handover_ring ring[WORKERS_MAX][WORKERS_MAX]; /* from, to */
	pthread_mutex_t lock;
};

struct worker {
	struct worker_options options;
	struct worker *lead;	  /* itself, if it is the first or only one */
	struct worker_crew *crew; /* NULL: it is the only one */
	uint8_t number;		  /* in the crew */
	uint8_t hops;		  /* hand-overs behind the frame that is being processed */
	uint32_t told;		  /* bit set: workers to whom something was handed in this burst */
	/* by record: number of its owner, or OWNER_NOBODY; the lead's memory. NULL: the only one */
	_Atomic uint8_t *owner;
	_Atomic uint32_t closed; /* of its flows, those that are closed for good; others may look */
	_Atomic bool asleep;	 /* or about to be: who hands something over must wake it */
	struct worker_counters *counters;
	struct random random;
	uint64_t lost_asked_ns;
	bool lost_due; /* frames have arrived since: ports are asked once more when they stop */
	uint64_t confirm_ns; /* when stale neighbours in use are looked at; 0: there are none */
	uint64_t now_ns;     /* as the driver last said */
	uint32_t now_tick;

	struct worker_portgroup port[COUNTERS_PORTS];
	const struct snapshot_vmac *port_vmacs[COUNTERS_PORTS][WORKER_PORT_VMACS];
	uint32_t dirty; /* bit set: portgroups with frames queued to send */

	struct snapshot snapshot;
	bool has_snapshot;
	struct mac vmac[SNAPSHOT_VMACS_MAX + 1]; /* by index; all zero: there is none */
	uint32_t timeout_tick[TIMER_COUNT];
	struct worker_backends backends; /* of its own flows; who chooses adds up, under the lock */

	struct flow_table table; /* records == NULL: none attached; the free list is the lead's */
	struct wheel wheel;

	/* the lead's, for all: under its lock */
	uint32_t turn[WORKER_SERVICES]; /* round robin, by service index */
	struct mappings mappings;
	struct clients clients;
	struct ports *ports;
	struct worker_log log;
	struct worker_swept swept;
	struct worker_chosen chosen;
	bool unadopted; /* flows are there whose mappings and next hops were not made anew yet */

	struct neighbours neighbours;
	struct frags frags;
	struct hold hold;
	struct worker_sweep sweep;

	_Atomic uint64_t icmp_tokens_ns; /* the lead's: time that has been spent on ICMP errors,
					    see may_send_icmp() */

	struct io_frame frames[IO_BURST + 1]; /* one more: its data is prefetched, not used */
	struct worker_lane lanes[IO_BURST];
	struct packet packets[IO_BURST]; /* of the complete way */
	uint8_t answers[WORKER_ANSWERS][ANSWER_BYTES_MAX];
	unsigned answers_used;
	struct rewrite_fragment pieces[WORKER_PIECES];
	unsigned pieces_used;
};

/* What became of a packet, where DROP_* is not enough: left to the kernel's stack, not dropped;
 * handed to the worker that decides. */
#define DROP_TO_KERNEL	 ((enum drop_reason)DROP_COUNT)
#define DROP_HANDED_OVER ((enum drop_reason)(DROP_COUNT + 1))

static inline struct flow *worker_flow(struct worker *w, uint32_t index)
{
	return &w->table.records[index];
}

/* worker_next_id() - the identification of the first of @datagrams from the row that user space and
 * the kernel's programs share; never 0. */
static inline be16 worker_next_id(struct worker *w, uint16_t datagrams)
{
	uint16_t id = 0;

	while (!id)
		id = (uint16_t)(atomic_fetch_add_explicit(&w->table.header->ip_id, datagrams,
							  memory_order_relaxed) +
				1);
	return htons(id);
}

/* The workers that are told what @w, the lead, is told. */
static inline unsigned worker_members(const struct worker *w)
{
	return w->crew ? w->crew->members : 1;
}

static inline struct worker *worker_member(struct worker *w, unsigned number)
{
	return w->crew ? w->crew->member[number] : w;
}

/* worker_lock() - before what is the lead's for all is read or changed. */
static inline void worker_lock(struct worker *w)
{
	if (w->crew)
		pthread_mutex_lock(&w->crew->lock);
}

static inline void worker_unlock(struct worker *w)
{
	if (w->crew)
		pthread_mutex_unlock(&w->crew->lock);
}

/* worker_owns() - whether the flow in record @index is this worker's. */
static inline bool worker_owns(const struct worker *w, uint32_t index)
{
	return !w->owner ||
	       atomic_load_explicit(&w->owner[index], memory_order_relaxed) == w->number;
}

/* worker_count_closed() - a flow of this worker's own is closed for good (1), is no longer (-1). */
static inline void worker_count_closed(struct worker *w, int by)
{
	atomic_store_explicit(&w->closed,
			      atomic_load_explicit(&w->closed, memory_order_relaxed) + (uint32_t)by,
			      memory_order_relaxed);
}

/* crew.c */
void worker_end_crew(struct worker *lead); /* after its members' end */
/* worker_share_table() - the others see the lead's table. Return: 0 or -ENOMEM. */
int worker_share_table(struct worker *lead);
/* worker_with_closed() - another worker that can make room by ending a closed connection;
 * OWNER_NOBODY if there is none. */
uint8_t worker_with_closed(const struct worker *w);
/* worker_find() - the FLOW_REF of a flow of this worker's own. FLOW_NONE: then @owner is whose it
 * most likely is, or OWNER_NOBODY. */
uint32_t worker_find(const struct worker *w, const struct flow_tuple *tuple, uint8_t proto,
		     uint8_t port, uint64_t hash, uint8_t *owner);
/* worker_hand_over() - to @owner, who is another one. Return: DROP_HANDED_OVER, or why not. */
enum drop_reason worker_hand_over(struct worker *w, uint8_t owner, const struct packet *p,
				  enum handover_what what);
enum drop_reason worker_hand_over_frame(struct worker *w, uint8_t owner, uint8_t port,
					const struct io_frame *frame);
/* worker_hand_over_first() - tell @owner of its fragments what became of the first one. */
void worker_hand_over_first(struct worker *w, uint8_t owner, const struct packet *p,
			    enum drop_reason reason);
/* worker_fragment_owner() - who keeps the fragments of @p's datagram together. */
uint8_t worker_fragment_owner(const struct worker *w, const struct packet *p);
/* worker_home() - whose an adopted flow becomes: as if its packets had come here in steered order.
 */
uint8_t worker_home(const struct worker *w, const struct flow *flow);
/* worker_tell() - all that was handed over in this burst may be read now. */
void worker_tell(struct worker *w);

/* worker_burst() - forward what w->frames[] holds, as one of several workers. @hops: of each, how
 * often it was handed over; NULL: it was received here */
void worker_burst(struct worker *w, uint8_t index, unsigned frames, const uint8_t *hops);

/* receive.c */
enum drop_reason worker_process(struct worker *w, struct packet *p);
void worker_settle(struct worker *w, const struct packet *p, enum drop_reason reason);

/* create.c */
/* worker_create_flow() - make the flow that @p begins. Return: DROP_NONE and @index, else why not.
 */
enum drop_reason worker_create_flow(struct worker *w, struct packet *p, uint32_t *index);

/* flows.c */
uint32_t worker_timeout(const struct worker *w, const struct flow *flow); /* ticks */
/* worker_idle() - ticks since a packet refreshed the flow's timer. The kernel's programs may have
 * done that after the worker was told the time: then none. */
static inline uint32_t worker_idle(const struct worker *w, const struct flow *flow)
{
	uint32_t idle = w->now_tick - flow->seen_tick;

	return (int32_t)idle < 0 ? 0 : idle;
}
/* worker_end() - take a flow out, with its share of mappings, ports and next hops.
 * worker_end_locked()
 * - the same where the lock is held. */
void worker_end(struct worker *w, uint32_t index);
void worker_end_locked(struct worker *w, uint32_t index);
/* worker_end_prefetch() - fetch what the end of that flow will touch. */
void worker_end_prefetch(const struct worker *w, uint32_t index);
/* worker_permit() - let the remote of @member write to its mapping from now on, where filtering
 * depends on that. */
void worker_permit(struct worker *w, uint32_t member);
void worker_use_neighbour(struct worker *w, uint16_t index);
void worker_leave_neighbour(struct worker *w, uint16_t index);
/* worker_share_mapping() - @member's flow, which @w owns, begins: it becomes one of the mapping
 * that has its external address and port already; and leads it, with @lead. Return: false if there
 * is none. worker_begin_mapping() - there is none yet. Return: false if there is no room.
 * @pool: see mapping_begin() */
bool worker_share_mapping(struct worker *w, uint32_t member, bool lead);
bool worker_begin_mapping(struct worker *w, uint32_t member, uint16_t pool, bool shared);
/* worker_adopt() - for all workers, by the lead. */
void worker_adopt(struct worker *w);
/* worker_next_hops_known() - whether mac[] of both sides is where packets must go. */
bool worker_next_hops_known(const struct worker *w, const struct flow *flow);
/* worker_client() - whom a flow counts for: the inside host, in the scope of its portgroup. */
struct client_key {
	be32 addr;
	uint8_t port;
};
struct client_key worker_client(const struct flow *flow);
/* worker_count_flow(), worker_count_port() - @by is 1 or -1. A flow counts for its host and its
 * backend until its end was seen. A port counts in the host's
 * mappings if @mapped, and in its quota of @pool. */
void worker_count_flow(struct worker *w, const struct flow *flow, int by);
void worker_count_port(struct worker *w, struct client_key key, uint16_t pool, bool mapped, int by);

/* ends.c */
/* worker_account() - the state of @flow was moved, @before was tcp_word() before that: its timer,
 * and whether it counts, go by what it is now. */
void worker_account(struct worker *w, uint32_t index, struct flow *flow, uint32_t before);
/* worker_begin_ends() - let the kernel's programs close connections, if this worker reads that.
 * worker_take_ends() - account those that they have closed. */
void worker_begin_ends(struct worker *w);
void worker_take_ends(struct worker *w);

/* backend.c */
int worker_backends_init(struct worker *w); /* Return: 0 or -ENOMEM */
void worker_backends_fini(struct worker *w);
/* worker_choose_backend() - Return: NULL if none of the service's backends is up. */
const struct snapshot_backend *worker_choose_backend(struct worker *w,
						     const struct snapshot_service *service,
						     const struct flow_tuple *tuple, uint8_t proto);
/* worker_refuse_service() - answer @p, to a service whose backends are all down, as it wants. */
void worker_refuse_service(struct worker *w, const struct packet *p,
			   const struct snapshot_service *service);
/* worker_count_backend() - a connection of the backend of @flow, with FLOW_DNAT, began (1), ended.
 */
void worker_count_backend(struct worker *w, const struct flow *flow, int by);
/* worker_flow_counts() - whether the flow is a connection in these numbers: to a service, not
 * closed */
bool worker_flow_counts(const struct flow *flow);
/* worker_backends_snapshot() - @next is about to take the place of w->snapshot, if there is one. */
void worker_backends_snapshot(struct worker *w, const struct snapshot *next);
void worker_backends_forget(struct worker *w); /* the table goes */
/* The sweep's calls: it begins (anew), stays with a flow, comes to an end. */
void worker_recount_begin(struct worker *w);
void worker_recount_flow(struct worker *w, const struct flow *flow);
void worker_recount_end(struct worker *w);
/* worker_dead_flow() - tell the client of a flow that is ended because its backend is down. */
void worker_dead_flow(struct worker *w, const struct flow *flow);

/* vmac.c */
/* worker_vmacs() - take the virtual MACs of w->snapshot. */
void worker_vmacs(struct worker *w);
/* worker_accepts_vmac() - whether @dst is a virtual MAC on @port. */
bool worker_accepts_vmac(const struct worker_portgroup *port, const struct mac *dst);
/* worker_source_mac() - what speaks for our address @own on a portgroup. */
const struct mac *worker_source_mac(const struct worker *w, uint8_t port, be32 own);
/* worker_flow_mac() - the same for what leaves on @side of a flow. */
const struct mac *worker_flow_mac(const struct worker *w, const struct flow *flow, unsigned side);
/* worker_choose_vmac() - fill vmac[] of a flow, by its addresses. */
void worker_choose_vmac(const struct worker *w, struct flow *flow);
/* worker_offloadable() - whether the kernel's programs may forward the flow: they know its next
 * hops, and each portgroup's own MAC as the source. */
bool worker_offloadable(const struct worker *w, const struct flow *flow);

/* send.c */
/* worker_forward() - translate and send a packet of @flow that arrived on @side. */
enum drop_reason worker_forward(struct worker *w, struct packet *p, struct flow *flow,
				unsigned side);
/* worker_send_error() - answer @p with an ICMP error, if the rules and the rate allow it. */
void worker_send_error(struct worker *w, const struct packet *p, uint8_t type, uint8_t code,
		       uint16_t mtu);
/* worker_send_reset() - answer a segment of no flow with RST, if the rate allows it. */
void worker_send_reset(struct worker *w, const struct packet *p);
/* worker_send_flow_reset() - end a flow's connection for its client, where the next hop is known.
 */
void worker_send_flow_reset(struct worker *w, const struct flow *flow);
void worker_flush(struct worker *w);
/* worker_confirm() - ask the kernel whether a neighbour still is where it was, now and then. */
void worker_confirm(struct worker *w, struct neighbour *n);
/* worker_set_time() - the time of all that follows: worker.c */
void worker_set_time(struct worker *w, uint64_t now_ns);

/* sweep.c */
/* worker_sweep_begin() - all flows are visited anew, for what of @what is set: a snapshot that is
 * another, next_hops that moved, flows that were chosen to end. */
void worker_sweep_begin(struct worker *w, const struct worker_sweep *what);
void worker_sweep(struct worker *w);		   /* a piece */
uint64_t worker_sweep_due(const struct worker *w); /* when the next piece is due, or never */
/* worker_sweep_report() - what all workers have done together, told once, by the lead. */
void worker_sweep_report(struct worker *w, struct worker_status *status);

#define CONFIRM_CHECK_NS (5000 * MS_NS) /* how often stale neighbours in use are looked at */

/* worker_neighbour_ready() - send what waits; worker_neighbour_lost() - drop it under @reason. */
void worker_neighbour_ready(struct worker *w, struct neighbour *n);
void worker_neighbour_lost(struct worker *w, struct neighbour *n, enum drop_reason reason);

/* fragments.c */
enum drop_reason worker_later_fragment(struct worker *w, struct packet *p);
/* worker_known_fragment() - a later fragment that was handed over with its ports. */
enum drop_reason worker_known_fragment(struct worker *w, struct packet *p,
				       const struct handover *handover);
/* worker_first_is_known() - another worker has processed a first fragment. */
void worker_first_is_known(struct worker *w, const struct handover *handover);
void worker_first_fragment(struct worker *w, struct packet *p, enum drop_reason reason);
void worker_expire_fragments(struct worker *w);

#endif
