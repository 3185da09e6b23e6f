/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The body of each event, common to all hooks.
 */
#ifndef TUNBENCH_EVENT_BPF_H
#define TUNBENCH_EVENT_BPF_H

#include "size.bpf.h"
#include "stamp.bpf.h"

static __always_inline int on_xmit(struct sk_buff *skb, struct net_device *dev, const bool typed)
{
	struct queue_counters *q = this_queue(FIELD(typed, skb, queue_mapping));
	struct size size = wire_size(skb, typed);
	__u64 id = skb_id(skb, dev), *stamp;
	__u32 slot = stamp_slot(id);

	if (q) {
		q->xmit_skbs++;
		q->xmit_pkts += size.pkts;
		q->xmit_bytes += size.bytes;
	}
	if (!is_sampled(id))
		return 0;
	stamp = bpf_map_lookup_elem(&stamps, &slot);
	if (stamp)
		*(volatile __u64 *)stamp = stamp_tag(id) | (bpf_ktime_get_ns() & STAMP_TIME);
	return 0;
}

static __always_inline int on_xmit_return(long rc)
{
	struct cpu_counters *c;

	if (rc && (c = this_cpu()))
		c->refused++;
	return 0;
}

static __always_inline void record_residency(struct sk_buff *skb)
{
	__u64 id = skb_id(skb, skb->dev), *stamp, word, ns;
	__u32 slot = stamp_slot(id);
	struct cpu_counters *c;

	if (!is_sampled(id))
		return;
	c = this_cpu();
	stamp = bpf_map_lookup_elem(&stamps, &slot);
	if (!c || !stamp)
		return;
	word = *(volatile __u64 *)stamp;
	/* The tag 0 is also that of a slot to which nothing was written. */
	if (!word || (word ^ stamp_tag(id)) >> 48) {
		c->missed++;
		return;
	}
	ns = (bpf_ktime_get_ns() - word) & STAMP_TIME;
	if (ns > c->max)
		c->max = ns;
	if (~ns > c->min)
		c->min = ~ns;
	if (ns >= HIST_LIMIT) {
		c->overflow++;
		return;
	}
	c->buckets[slot_below(HIST_BUCKETS, hist_index(ns))]++;
}

static __always_inline int on_dequeue(struct sk_buff *skb)
{
	struct queue_counters *q = this_queue(skb->queue_mapping);
	struct size size = wire_size(skb, true);

	if (q) {
		q->read_skbs++;
		q->read_pkts += size.pkts;
		q->read_bytes += size.bytes;
	}
	if (measuring)
		record_residency(skb);
	return 0;
}

static __always_inline int on_drop(struct sk_buff *skb, __u32 reason)
{
	struct queue_counters *q = this_queue(skb->queue_mapping);
	struct size size = wire_size(skb, true);
	struct cpu_counters *c = this_cpu();

	if (q)
		q->drop_pkts += size.pkts;
	if (c)
		c->drops[slot_below(DROP_REASONS, reason)] += size.pkts;
	return 0;
}

/* skb_record_rx_queue() keeps the queue + 1, since 0 stands for none. */
#define received_on(skb) ((__u32)(skb)->queue_mapping - 1)

static __always_inline int on_receive(struct sk_buff *skb)
{
	struct queue_counters *q = this_queue(received_on(skb));
	struct size size = received_size(skb);

	if (q) {
		q->recv_skbs++;
		q->recv_pkts += size.pkts;
		q->recv_bytes += size.bytes;
	}
	return 0;
}

static __always_inline int count_recv_drop(__u32 queue, __u32 pkts, __u32 reason)
{
	struct queue_counters *q = this_queue(queue);
	struct cpu_counters *c = this_cpu();

	if (q)
		q->recv_drop_pkts += pkts;
	if (c)
		c->recv_drops[slot_below(DROP_REASONS, reason)] += pkts;
	return 0;
}

static __always_inline bool in_target_netns(struct sock *sk)
{
	return sk && sk->__sk_common.skc_net.net->ns.inum == target_netns;
}

/*
 * A drop on either side. The core of the stack sets skb_iif when it receives a
 * packet. So skb_iif distinguishes received packets from transmitted ones, and
 * from those that tun_get_user() frees because it refuses them, which is an error
 * of the write and not a drop. In a packet that waits for another CPU it is not set
 * yet. A UDP socket reuses skb->dev (dev_scratch): then the namespace of the socket
 * shows whether the packet was the device's.
 */
static __always_inline int on_any_drop(struct sk_buff *skb, __u32 reason, struct sock *sk)
{
	bool ours = is_target(skb->dev, true);

	if (side_recv && skb->skb_iif == target_ifindex && (ours || in_target_netns(sk)))
		return count_recv_drop(received_on(skb), received_size(skb).pkts, reason);
	if (!ours)
		return 0;
	if (side_recv && reason && reason == reason_backlog)
		return count_recv_drop(received_on(skb), received_size(skb).pkts, reason);
	return side_xmit && skb->skb_iif != target_ifindex ? on_drop(skb, reason) : 0;
}

static __always_inline int on_read_return(__u32 queue, long ret)
{
	struct queue_counters *q = this_queue(queue);
	struct cpu_counters *c = this_cpu();

	if (!q || !c)
		return 0;
	q->read_calls++;
	if (ret >= 0) {
		q->read_ret_bytes += ret;
		return 0;
	}
	c->errors[slot_below(ERRNOS, -ret)]++;
	return 0;
}

static __always_inline int on_write_return(__u32 queue, long ret)
{
	struct queue_counters *q = this_queue(queue);
	struct cpu_counters *c = this_cpu();

	if (!q || !c)
		return 0;
	q->write_calls++;
	if (ret >= 0) {
		q->write_ret_bytes += ret;
		return 0;
	}
	c->write_errors[slot_below(ERRNOS, -ret)]++;
	return 0;
}

#endif
