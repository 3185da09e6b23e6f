/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * When an skb was handed to the device, and how long it stayed there.
 */
#ifndef TUNBENCH_STAMP_BPF_H
#define TUNBENCH_STAMP_BPF_H

#include "counters.bpf.h"

#define STAMP_BITS 18

/* Residency is recorded only while user space holds this at 1. */
volatile __u32 measuring;
/* When the device was chosen. A stamp that is older is not that of an skb seen since. */
volatile __u64 target_since;

/*
 * The time at which an skb was handed to the device, direct-mapped by its address.
 * A tag of 16 bits and a time of 48 bits share one word, so that a slot is never
 * read half old, half new. Slot and tag distinguish all skbs within 1 TiB of memory.
 * There are many more slots than skbs in flight, so that two of these rarely share
 * one.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 << STAMP_BITS);
	__type(key, __u32);
	__type(value, __u64);
} stamps SEC(".maps");

/*
 * The verifier does not allow to shift a pointer, but the difference of two pointers
 * is a number: that of skb and device stands for the address. skbs come from a slab
 * whose objects are at least 64 bytes apart.
 */
static __always_inline __u64 distance_of(struct sk_buff *skb, struct net_device *dev)
{
	return (__u64)skb - (__u64)dev;
}

#define skb_id(distance) ((distance) >> 6)

/*
 * Most skbs are 256 bytes apart: the slot omits the two bits below that, which
 * distinguish a clone from its original, and the tag has them.
 */
#define stamp_slot(id) ((id) >> 2 & ((1 << STAMP_BITS) - 1))
#define stamp_tag(id) (((id) >> (2 + STAMP_BITS) << 2 | ((id) & 3)) << 48)

/*
 * The choice is made by address: so xmit and dequeue choose the same skbs, and a slot
 * never holds the time of an earlier use of its skb. The multiplication makes the
 * choice independent of the order in which the slab allocates its objects.
 */
#define sample_hash(distance) ((__u32)(distance) * 0x9e3779b1U)
#define is_sampled(distance) (sample_hash(distance) <= sample_limit)
#define is_deep_sampled(distance) (sample_hash(distance) <= depth_limit)

#define STAMP_TIME ((1ULL << 48) - 1)

static __noinline void leave_stamp(__u64 distance)
{
	__u64 id = skb_id(distance);
	__u32 slot = stamp_slot(id);
	__u64 *stamp = bpf_map_lookup_elem(&stamps, &slot);

	if (stamp)
		*(volatile __u64 *)stamp = stamp_tag(id) | (bpf_ktime_get_ns() & STAMP_TIME);
}

static __noinline void record_residency(__u64 queue, __u64 distance)
{
	__u64 id = skb_id(distance);
	__u32 slot = stamp_slot(id);
	__u64 *stamp = bpf_map_lookup_elem(&stamps, &slot), *h, word, now, ns;

	if (!stamp || !measuring || !(h = hist_of(queue)))
		return;
	word = *(volatile __u64 *)stamp;
	now = bpf_ktime_get_ns();
	ns = (now - word) & STAMP_TIME;
	/* The tag 0 is also that of a slot to which nothing was written. */
	if (!word || (word ^ stamp_tag(id)) >> 48 || ns > now - target_since) {
		h[HIST_MISSED]++;
		return;
	}
	if (ns > h[HIST_MAX])
		h[HIST_MAX] = ns;
	if (~ns > h[HIST_MIN])
		h[HIST_MIN] = ~ns;
	if (ns >= HIST_LIMIT) {
		h[HIST_OVERFLOW]++;
		return;
	}
	h[HIST_HEAD + slot_below(hist_room(HIST_BUCKETS), hist_index(ns) >> hist_shift)]++;
}

#endif
