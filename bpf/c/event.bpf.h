/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The body of each event, common to all hooks.
 *
 * A program reads its parameters again behind each call of a helper, rather than to keep
 * them, has a body for devices without GSO packets, and calls what it does for few
 * packets: a register that is kept costs a program two instructions even where it is
 * not used.
 */
#ifndef TUNBENCH_EVENT_BPF_H
#define TUNBENCH_EVENT_BPF_H

#include "size.bpf.h"
#include "stamp.bpf.h"
#include "depth.bpf.h"
#include "flow.bpf.h"
#include "stop.bpf.h"

/* Out of line: only a device that someone watches has its kinds of GSO packets counted. */
static __noinline void count_kind(struct cpu_counters *c, __u32 dir, __u32 kind, __u32 pkts)
{
	struct gso_counters *g = &c->gso[slot_below(2, dir)][slot_below(GSO_KINDS, kind)];

	g->skbs++;
	g->pkts += pkts;
}

/* skb is 0 where its type is not known to the verifier: then there are no flows. */
static __always_inline int on_xmit(struct cpu_counters *c, __u64 distance, void *dev, struct sk_buff *skb,
				   __u32 queue, struct size size, const bool gso)
{
	struct queue_counters *q = queue_of(c, queue);

	if (!q)
		return stray(c);
	q->xmit_skbs++;
	q->xmit_bytes += size.bytes;
	if (gso)
		q->xmit_pkts += size.pkts;
	if (gso && count_kinds && size.kind != GSO_KINDS)
		count_kind(c, DIR_XMIT, size.kind, size.pkts);
	if (count_flows && skb)
		count_flow(skb, DIR_XMIT, size.pkts, size.bytes);
	if (count_stops) {
		c->xmit_queue = queue;
		if (was_stopped(queue))
			end_stop(q, queue);
	}
	if (is_sampled(distance)) {
		leave_stamp(distance);
		if (read_depth && is_deep_sampled(distance))
			record_depth(dev, queue);
	}
	return 0;
}

/* tun_do_read was called; it may return without a packet. */
static __always_inline int on_read(__u32 queue)
{
	__sync_fetch_and_add(&reads[queue % MAX_QUEUES].calls, 1); /* tun has no more */
	return 0;
}

/* A call of the file operations of tun ended; direction is that of its packets. */
static __always_inline int on_return(struct file *file, __u32 direction, long result)
{
	struct tun_file *tfile = file->private_data;

	if (result >= 0 || !is_target_tun(BPF_CORE_READ(tfile, tun), false))
		return 0;
	__sync_fetch_and_add(&errors[direction].calls[slot_below(CALL_ERRORS, error_slot(-result))], 1);
	return 0;
}

static __always_inline int on_dequeue(struct cpu_counters *c, struct sk_buff *skb, const bool gso)
{
	struct queue_counters *q = queue_of(c, skb->queue_mapping);
	struct size size;
	__u64 distance;

	if (!q)
		return stray(c);
	size = wire_size(skb, gso);
	distance = distance_of(skb, skb->dev);
	q->read_skbs++;
	q->read_bytes += size.bytes;
	if (gso)
		q->read_pkts += size.pkts;
	if (count_stops && was_stopped(skb->queue_mapping) && !is_stopped(skb->dev, skb->queue_mapping))
		end_stop(q, skb->queue_mapping);
	if (is_sampled(distance))
		record_residency(skb->queue_mapping, distance);
	return 0;
}

static __always_inline int on_drop(struct sk_buff *skb, __u32 reason)
{
	struct cpu_counters *c = this_cpu();
	struct queue_counters *q;
	struct size size;

	if (!c)
		return 0;
	size = wire_size(skb, target_gso);
	c->drops[slot_below(DROP_REASONS, reason)] += size.pkts;
	if (!(q = queue_of(c, skb->queue_mapping)))
		return stray(c);
	q->drop_pkts += size.pkts;
	return 0;
}

/* skb_record_rx_queue() keeps the queue + 1, since 0 stands for none. */
#define received_on(skb) ((__u32)(skb)->queue_mapping - 1)

static __always_inline int on_receive(struct sk_buff *skb)
{
	struct cpu_counters *c = this_cpu();
	struct queue_counters *q;
	struct size size;

	if (!c)
		return 0;
	if (!(q = queue_of(c, received_on(skb))))
		return stray(c);
	size = received_size(skb);
	q->recv_skbs++;
	q->recv_bytes += size.bytes;
	if (target_gso)
		q->recv_pkts += size.pkts;
	if (target_gso && count_kinds && size.kind != GSO_KINDS)
		count_kind(c, DIR_RECV, size.kind, size.pkts);
	if (count_flows)
		count_flow(skb, DIR_RECV, size.pkts, size.bytes);
	return 0;
}

static __always_inline int count_recv_drop(__u32 queue, __u32 pkts, __u32 reason)
{
	struct cpu_counters *c = this_cpu();
	struct queue_counters *q;

	if (!c)
		return 0;
	c->recv_drops[slot_below(DROP_REASONS, reason)] += pkts;
	if (!(q = queue_of(c, queue)))
		return stray(c);
	q->recv_drop_pkts += pkts;
	return 0;
}

static __always_inline bool in_target_netns(struct sock *sk)
{
	return sk && sk->__sk_common.skc_net.net->ns.inum == target_netns;
}

/*
 * Whether a dropped packet of the device is one that it was to transmit. The core of the
 * stack sets skb_iif when it receives a packet. So skb_iif distinguishes received packets
 * from transmitted ones, but for those that were received from the same device and routed
 * back to it: of these the reason shows whether a transmit queue had been chosen.
 */
static __always_inline bool is_outgoing(struct sk_buff *skb, __u32 reason)
{
	return skb->skb_iif != target_ifindex || reason_xmit[slot_below(DROP_REASONS, reason)];
}

/*
 * A drop on either side. skb_iif distinguishes received packets also from those that
 * tun_get_user() frees because it refuses them, which is an error of the write and not a
 * drop. In a packet that waits for another CPU it is not set yet. A UDP socket reuses
 * skb->dev (dev_scratch): then the namespace of the socket shows whether the packet was the
 * device's.
 */
static __always_inline int on_any_drop(struct sk_buff *skb, __u32 reason, struct sock *sk)
{
	bool ours, outgoing;

	if (target == NO_TARGET)
		return 0;
	ours = is_target(skb->dev, true);
	outgoing = ours && is_outgoing(skb, reason);
	if (side_recv && !outgoing && skb->skb_iif == target_ifindex && (ours || in_target_netns(sk)))
		return count_recv_drop(received_on(skb), received_size(skb).pkts, reason);
	if (!ours)
		return 0;
	if (side_recv && reason && reason == reason_backlog)
		return count_recv_drop(received_on(skb), received_size(skb).pkts, reason);
	return side_xmit && outgoing ? on_drop(skb, reason) : 0;
}

#endif
