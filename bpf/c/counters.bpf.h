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

/* Those of packets are counted only where GSO packets may come; else they are the skbs. */
struct queue_counters {
	__u64 xmit_skbs, xmit_bytes, xmit_pkts;
	__u64 drop_pkts;
	__u64 read_skbs, read_bytes, read_pkts;
	__u64 recv_skbs, recv_bytes, recv_pkts;
	__u64 recv_drop_pkts;
	__u64 stops, stopped_ns; /* of the transmit queue; only with count_stops */
	__u64 pad[3]; /* two cache lines, none shared between CPUs */
};

/* GSO packets of a kind, and their segments. */
struct gso_counters {
	__u64 skbs, pkts;
};

enum gso_kind { GSO_TCP4, GSO_TCP6, GSO_UDP, GSO_TUNNEL, GSO_OTHER, GSO_KINDS };
enum direction { DIR_XMIT, DIR_RECV };

/* What is counted on a CPU, of nr_queues queues, a power of two. */
struct cpu_counters {
	__u64 drops[DROP_REASONS];	/* packets by enum skb_drop_reason */
	__u64 recv_drops[DROP_REASONS]; /* of received packets */
	struct gso_counters gso[2][GSO_KINDS]; /* by direction; only with count_kinds */
	__u64 strays; /* events on a queue above nr_queues */
	/* The last drop whose socket is not known yet; see on_late_drop. */
	__u32 late_pkts, late_reason, late_queue;
	__u32 xmit_queue; /* of the last xmit; only with count_stops */
	__u64 first_half; /* see is_rest */
	__u32 pad[16];	  /* to whole pairs of cache lines */
	struct queue_counters queues[];
};

/*
 * [cpu], each of settings.cpu_bytes; user space sets the size of the section, which is a map
 * of one value: a program knows its address, and need not look it up. More than 4 MiB, for
 * hundreds of CPUs, need Linux 6.0 (commit 63b8ce77b15e).
 */
__u64 cpus __hidden SEC(".data.cpus");

/*
 * The histograms of a queue on a CPU: how long packets stayed, and how many stood in the
 * ring when one was added. The words up to HIST_HEAD are these, the buckets of residency
 * and those of depth follow, of each of which 1 << hist_shift are one.
 */
enum hist_word {
	HIST_OVERFLOW,
	HIST_MISSED, /* dequeues whose stamp had been overwritten */
	/* Not sums. The least is stored as its complement, so that 0 is empty. */
	HIST_MIN,
	HIST_MAX, /* ns */
	HIST_DEEPEST,
	HIST_HEAD = 8,
};

#define DEPTH_BUCKETS 512 /* up to 131,071 packets */

const volatile __u32 hist_shift;

#define hist_room(buckets) ((buckets) >> hist_shift)
#define hist_words() (HIST_HEAD + hist_room(HIST_BUCKETS) + hist_room(DEPTH_BUCKETS))

/* [cpu][queue][hist_words()]; user space sets the size of the value. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} hists SEC(".maps");

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
 * Calls of readers and writers that ended with an error, by errno: of all CPUs, since
 * there are few. A read that finds no packet ends with EAGAIN if it may not wait.
 */
#define ERRNOS 134 /* include/uapi/asm-generic/errno.h: the last is 133 */

/* Slots of what user space never sees, from include/linux/errno.h. */
enum call_error {
	ERROR_RESTART = ERRNOS, /* ERESTART...: a signal ended the wait */
	ERROR_OTHER,
	CALL_ERRORS,
};

struct call_errors {
	__u64 calls[CALL_ERRORS];
};

struct call_errors errors[2];

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

/* ERESTARTSYS, ERESTARTNOINTR, ERESTARTNOHAND and ERESTART_RESTARTBLOCK. */
static __always_inline __u64 error_slot(__u64 errno)
{
	if (errno < ERRNOS)
		return errno;
	return (errno >= 512 && errno <= 514) || errno == 516 ? ERROR_RESTART : ERROR_OTHER;
}

/* bpf_get_smp_processor_id(), whose declaration makes a program extend the result again. */
static __u64 (*const processor_id)(void) = (void *)8;

/*
 * What a program works with: the counters of its CPU, and the address of settings, which a call
 * of a helper would make it load again.
 */
struct here {
	struct cpu_counters *c;
	const volatile struct settings *settings;
};

/* There is always a CPU: the bound is for the verifier. */
static __always_inline struct here here(void)
{
	__u64 cpu = processor_id();
	struct here h = { (void *)&cpus, &settings };

	barrier_var(h.c); /* it is larger than the compiler knows */
	barrier_var(h.settings);
	if (cpu >= h.settings->nr_cpus)
		cpu = 0;
	h.c = (void *)h.c + cpu * h.settings->cpu_bytes;
	barrier_var(h.c); /* before other registers are in use */
	return h;
}

static __always_inline struct queue_counters *queue_of(struct here h, __u64 queue)
{
	barrier_var(queue);
	if (queue >= h.settings->nr_queues)
		return 0; /* the device should not have it */
	barrier_var(queue);
	return &h.c->queues[queue];
}

static __always_inline __u64 *hist_of(__u64 queue)
{
	__u32 cpu = bpf_get_smp_processor_id();
	__u64 *all = bpf_map_lookup_elem(&hists, &cpu);

	barrier_var(queue);
	if (!all || queue >= settings.nr_queues)
		return 0;
	barrier_var(queue);
	return all + queue * hist_words();
}

static __always_inline int stray(struct cpu_counters *c)
{
	__sync_fetch_and_add(&c->strays, 1);
	return 0;
}

#endif
