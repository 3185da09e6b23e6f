/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The counters. Each is in the slot of a CPU and is written by one program only,
 * which the kernel does not run again on that CPU before it has ended: so plain
 * additions are exact. User space maps the counters and reads them.
 */
#ifndef TUNBENCH_COUNTERS_BPF_H
#define TUNBENCH_COUNTERS_BPF_H

#include "target.bpf.h"
#include "hist.bpf.h"

#define DROP_REASONS 512

/* Those of packets are counted only where GSO packets may come; else they are the skbs. */
struct queue_counters {
	__u64 xmit_skbs, xmit_bytes, xmit_pkts;
	__u64 drop_pkts;
	__u64 read_skbs, read_bytes, read_pkts;
	__u64 recv_skbs, recv_bytes, recv_pkts;
	__u64 recv_drop_pkts;
	__u64 pad[5]; /* two cache lines, none shared between CPUs */
};

/*
 * What is counted on a CPU. User space gives the value of the map room for nr_queues
 * queues, a power of two.
 */
struct cpu_counters {
	__u64 buckets[HIST_BUCKETS];
	__u64 drops[DROP_REASONS];	/* packets by enum skb_drop_reason */
	__u64 recv_drops[DROP_REASONS]; /* of received packets */
	__u64 overflow;
	__u64 missed; /* dequeues whose stamp had been overwritten */
	__u64 strays; /* events on a queue above nr_queues */
	/* Not sums. min is stored as its complement, so that 0 is empty. */
	__u64 min, max; /* ns */
	/* The last drop whose socket is not known yet; see on_late_drop. */
	__u32 late_pkts, late_reason, late_queue;
	__u32 pad[19]; /* to whole pairs of cache lines */
	struct queue_counters queues[];
};

/* [cpu] */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cpu_counters);
} cpus SEC(".maps");

/*
 * Calls of tun_do_read, by queue: of all CPUs, since an atomic addition costs less than to
 * find the place of a CPU, and a queue rarely has more than one reader.
 */
#define MAX_QUEUES 256

struct read_calls {
	__u64 calls;
	__u64 pad[7]; /* a cache line of its own */
};

struct read_calls reads[MAX_QUEUES];

/*
 * Limits an index to the last slot. The barriers keep the compiler from testing
 * one register and indexing with another, which the verifier cannot follow.
 */
static __always_inline __u64 slot_below(__u64 limit, __u64 v)
{
	barrier_var(v);
	if (v >= limit)
		v = limit - 1;
	barrier_var(v);
	return v;
}

static __always_inline struct cpu_counters *this_cpu(void)
{
	__u32 cpu = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&cpus, &cpu);
}

static __always_inline struct queue_counters *queue_of(struct cpu_counters *c, __u64 queue)
{
	barrier_var(queue);
	if (queue >= nr_queues)
		return 0; /* the device should not have it */
	barrier_var(queue);
	return &c->queues[queue];
}

static __always_inline int stray(struct cpu_counters *c)
{
	__sync_fetch_and_add(&c->strays, 1);
	return 0;
}

#endif
