/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The body of each event, common to all hooks.
 *
 * A program reads its parameters again behind each call of a helper, rather than to keep
 * them, and calls what it does for few packets, or for settings.extras: a register that is
 * kept costs a program two instructions even where it is not used. What it does for most
 * packets comes first, since the compiler keeps the order: where the verifier knows what a
 * condition is, it leaves out a jump that is never taken, and not one that always is.
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

/* The tail of on_xmit, out of line: few packets are timed. */
static __noinline void time_xmit(__u64 distance, void *dev, __u64 queue)
{
	leave_stamp(distance);
	if (read_depth && is_deep_sampled(distance))
		record_depth(dev, queue);
}

/* skb is 0 where its type is not known to the verifier: then there are no flows. */
static __always_inline int on_xmit(struct here h, __u64 distance, void *dev, struct sk_buff *skb,
				   __u32 queue, struct size size, const bool extras)
{
	struct queue_counters *q = queue_of(h, queue);

	if (!q)
		return stray(h.c);
	q->xmit_skbs++;
	q->xmit_bytes += size.bytes;
	if (extras && target_gso)
		q->xmit_pkts += size.pkts;
	if (extras && target_gso && count_kinds && size.kind != GSO_KINDS)
		count_kind(h.c, DIR_XMIT, size.kind, size.pkts);
	if (extras && count_flows && skb)
		count_flow(skb, DIR_XMIT, size.pkts, size.bytes);
	if (extras && count_stops) {
		h.c->xmit_queue = queue;
		if (was_stopped(queue))
			end_stop(q, queue);
	}
	if (is_sampled(distance))
		time_xmit(distance, dev, queue);
	return 0;
}

/* tun_do_read was called; it may return without a packet. A caller with room for one queue does
 * not look which it is. */
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

/*
 * tun_put_user() copies a frame whose VLAN tag is not in its data in two parts, each of which
 * is an event: the addresses, of 12 bytes, and what is behind the tag. The first is counted,
 * as the device does also where the reader has no room for more. Of 24 bytes both parts are
 * alike: then the second follows the first on the same CPU, unless the reader has been moved.
 */
#define BEFORE_TAG 12

static __always_inline bool is_rest(struct cpu_counters *c, __u64 distance, __u32 len, __u32 part)
{
	if (part != BEFORE_TAG || len != 2 * BEFORE_TAG)
		return part != BEFORE_TAG;
	if (c->first_half == distance) {
		c->first_half = 0;
		return true;
	}
	c->first_half = distance;
	return false;
}

/* tagged says that the frame has a tag that is not in its data; only with extras. */
static __always_inline int count_dequeue(struct here h, struct sk_buff *skb, __u32 len, bool tagged, const bool extras)
{
	struct queue_counters *q = queue_of(h, skb->queue_mapping);
	struct size size;

	if (!q)
		return stray(h.c);
	size = with_tag(wire_size(skb, len, extras && target_gso), extras && tagged);
	q->read_skbs++;
	q->read_bytes += size.bytes;
	if (extras && target_gso)
		q->read_pkts += size.pkts;
	if (extras && count_stops && was_stopped(skb->queue_mapping) && !is_stopped(skb->dev, skb->queue_mapping))
		end_stop(q, skb->queue_mapping);
	if (is_sampled(distance_of(skb, skb->dev)))
		record_residency(skb->queue_mapping, distance_of(skb, skb->dev));
	return 0;
}

static __noinline int dequeue_extras(struct sk_buff *skb, __u32 part)
{
	struct here h = here();
	__u32 len = skb->len;

	if (len != part && is_rest(h.c, distance_of(skb, skb->dev), len, part))
		return 0;
	/* Of a frame that is cut to the addresses, the first part is all. */
	return count_dequeue(h, skb, len, len != part || (part == BEFORE_TAG && is_tagged(skb)), true);
}

/* Apart from the above, or the question of extras would lead to where another does. */
static __noinline int dequeue_tagged(struct sk_buff *skb, __u32 part)
{
	return dequeue_extras(skb, part);
}

/* part is how many bytes are copied: all of the skb, but for a frame with a tag. */
static __always_inline int on_dequeue(struct here h, struct sk_buff *skb, __u64 part)
{
	__u32 len = skb->len;

	if (!h.settings->extras) {
		if (len == part && part != BEFORE_TAG)
			return count_dequeue(h, skb, len, false, false);
		return dequeue_tagged(skb, part);
	}
	return dequeue_extras(skb, part);
}

static __always_inline int on_drop(struct sk_buff *skb, __u32 reason)
{
	struct here h = here();
	struct queue_counters *q;
	struct size size;

	size = wire_size(skb, skb->len, target_gso);
	h.c->drops[slot_below(DROP_REASONS, reason)] += size.pkts;
	if (!(q = queue_of(h, skb->queue_mapping)))
		return stray(h.c);
	q->drop_pkts += size.pkts;
	return 0;
}

/* skb_record_rx_queue() keeps the queue + 1, since 0 stands for none. */
#define received_on(skb) ((__u32)(skb)->queue_mapping - 1)

static __always_inline int on_receive(struct sk_buff *skb)
{
	struct here h = here();
	struct queue_counters *q;
	struct size size;

	if (!(q = queue_of(h, received_on(skb))))
		return stray(h.c);
	size = received_size(skb);
	q->recv_skbs++;
	q->recv_bytes += size.bytes;
	if (target_gso)
		q->recv_pkts += size.pkts;
	if (target_gso && count_kinds && size.kind != GSO_KINDS)
		count_kind(h.c, DIR_RECV, size.kind, size.pkts);
	if (count_flows)
		count_flow(skb, DIR_RECV, size.pkts, size.bytes);
	return 0;
}

static __always_inline int count_recv_drop(__u32 queue, __u32 pkts, __u32 reason)
{
	struct here h = here();
	struct queue_counters *q;

	h.c->recv_drops[slot_below(DROP_REASONS, reason)] += pkts;
	if (!(q = queue_of(h, queue)))
		return stray(h.c);
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
 * Whether tun_get_user() frees a packet before the stack receives it, such as one that is
 * written while the device is down: that is an error of the write, not a drop. The socket of
 * such a packet is that of the descriptor, which has no address family. A packet that is to be
 * transmitted has no socket or that of its sender, which has one unless it is a macvtap above
 * the device. With IFF_NAPI_FRAGS packets have no socket.
 */
static __always_inline bool is_refused(struct sk_buff *skb, __u32 reason)
{
	struct sock *sk = skb->sk;

	return reason_xmit[slot_below(DROP_REASONS, reason)] != OF_XMIT && !skb->skb_iif && sk && !sk->__sk_common.skc_family;
}

/*
 * A drop on either side. skb_iif distinguishes received packets also from those that
 * tun_get_user() refuses. In a packet that waits for another CPU it is not set yet. A UDP
 * socket reuses skb->dev (dev_scratch): then the namespace of the socket shows whether the
 * packet was the device's.
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
	return side_xmit && outgoing && !is_refused(skb, reason) ? on_drop(skb, reason) : 0;
}

#endif
