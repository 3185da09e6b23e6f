/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * For how long a driver has stopped a transmit queue.
 *
 * To stop one is to set a bit, of which no tracepoint tells: the bit is looked at when the
 * driver has taken a packet, and a stop ends with the first event that finds it clear: a
 * packet that a reader takes, or the next one for the driver. A stop that ended before the
 * tracepoint behind the driver is not seen, nor one that began outside the measured time.
 */
#ifndef TUNBENCH_STOP_BPF_H
#define TUNBENCH_STOP_BPF_H

#include "depth.bpf.h"

#define QUEUE_STATE_DRV_XOFF 1 /* __QUEUE_STATE_DRV_XOFF of include/linux/netdevice.h is bit 0 */

/* When a queue was seen to be stopped, 0 while it runs: of all CPUs, of which one stops it
 * and another lets it run. */
struct queue_stop {
	__u64 since; /* ns */
	__u64 pad[7]; /* a cache line of its own */
};

struct queue_stop stops[MAX_QUEUES];

static __always_inline bool is_stopped(struct net_device *dev, __u64 queue)
{
	__u64 offset = queue * bpf_core_type_size(struct netdev_queue);
	unsigned long state = 0;
	void *tx = 0;

	if (bpf_rdonly_cast) {
		state = TYPED(struct netdev_queue, (void *)dev->_tx + offset)->state;
	} else {
		/* The verifier of older kernels lets no variable be added to a pointer that it knows:
		 * one that was read by the helper is a number. */
		bpf_probe_read_kernel(&tx, sizeof(tx), (void *)dev + bpf_core_field_offset(struct net_device, _tx));
		bpf_probe_read_kernel(&state, sizeof(state), tx + offset + bpf_core_field_offset(struct netdev_queue, state));
	}
	return state & QUEUE_STATE_DRV_XOFF;
}

/* The driver has taken a packet of the queue. */
static __always_inline int on_sent(struct net_device *dev)
{
	struct here h = here();
	struct queue_counters *q;

	if (!measuring || !(q = queue_of(h, h.c->xmit_queue)) || !is_stopped(dev, h.c->xmit_queue))
		return 0;
	if (!__sync_val_compare_and_swap(&stops[slot_below(MAX_QUEUES, h.c->xmit_queue)].since, 0,
					 bpf_ktime_get_ns()))
		q->stops++;
	return 0;
}

/* The queue runs. */
static __noinline void end_stop(struct queue_counters *q, __u64 queue)
{
	struct queue_stop *s = &stops[slot_below(MAX_QUEUES, queue)];
	__u64 since = s->since;

	if (since && __sync_val_compare_and_swap(&s->since, since, 0) == since && measuring)
		__sync_fetch_and_add(&q->stopped_ns, bpf_ktime_get_ns() - since);
}

static __always_inline bool was_stopped(__u64 queue)
{
	return stops[slot_below(MAX_QUEUES, queue)].since;
}

#endif
