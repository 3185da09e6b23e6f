/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * How many packets stand in the ring of a queue.
 */
#ifndef TUNBENCH_DEPTH_BPF_H
#define TUNBENCH_DEPTH_BPF_H

#include "size.bpf.h"
#include "stamp.bpf.h"

static __always_inline void *pointer_at(void *address)
{
	void *p = 0;

	if (bpf_rdonly_cast)
		return TYPED(struct hlist_head, address)->first;
	bpf_probe_read_kernel(&p, sizeof(p), address);
	return p;
}

/* netdev_priv(): what a driver keeps of a device is behind it. */
#define NETDEV_ALIGN 32
#define netdev_priv(dev) \
	((void *)(dev) + ((bpf_core_type_size(struct net_device) + NETDEV_ALIGN - 1) & -NETDEV_ALIGN))

/*
 * Counts the packets that stand in the ring of a queue before the next one is added.
 * The reader takes some meanwhile, and clears the places of those that it has taken
 * several at a time: the count is that of consumer_head. Where the ring is full nothing
 * will be added.
 */
static __noinline void record_depth(void *dev, __u64 queue)
{
	void *files = netdev_priv(dev) + bpf_core_field_offset(struct tun_struct, tfiles);
	struct ptr_ring *ring = pointer_at(files + queue * sizeof(void *)) +
				bpf_core_field_offset(struct tun_file, tx_ring);
	__s64 producer, consumer, size, depth;
	void **places;
	__u64 *h;

	if (!measuring)
		return;
	if (bpf_rdonly_cast) {
		ring = TYPED(struct ptr_ring, ring);
		producer = ring->producer;
		consumer = ring->consumer_head;
		size = ring->size;
		places = ring->queue;
	} else {
		producer = BPF_CORE_READ(ring, producer);
		consumer = BPF_CORE_READ(ring, consumer_head);
		size = BPF_CORE_READ(ring, size);
		places = BPF_CORE_READ(ring, queue);
	}
	depth = producer - consumer;
	if (depth < 0)
		depth += size;
	if (depth < 0 || depth >= size || pointer_at(places + producer) || !(h = hist_of(queue)))
		return;
	if (depth > h[HIST_DEEPEST])
		h[HIST_DEEPEST] = depth;
	h[HIST_HEAD + hist_room(HIST_BUCKETS) +
	  slot_below(hist_room(DEPTH_BUCKETS), hist_index(depth) >> hist_shift)]++;
}

#endif
