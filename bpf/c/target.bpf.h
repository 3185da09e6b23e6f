/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The device under observation, and whether an event belongs to it.
 */
#ifndef TUNBENCH_TARGET_BPF_H
#define TUNBENCH_TARGET_BPF_H

#include "kernel.bpf.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#define DROP_REASONS 512 /* the last stands for all that are above */

/*
 * What decides about each packet, in one place: a program loads one address for all.
 */
struct settings {
	__u32 nr_cpus, cpu_bytes; /* see cpus */
	__u32 nr_queues;	  /* room for so many */
	__u32 extras;		  /* whether GSO packets, flows or stops are counted */
};

const volatile struct settings settings = { .nr_queues = 1 };
/* Whether the device accepts GSO packets; if not, none are looked for. */
const volatile bool target_gso;
/* Whether GSO packets are counted by their kind, too. */
const volatile bool count_kinds;
/*
 * Whether the depth of rings is read, at the addresses of a driver's memory, which a kernel
 * that is locked down forbids.
 */
const volatile bool read_depth = true;
/* Whether stops of transmit queues are counted. */
const volatile bool count_stops;
/* Whether packets are counted by flow. */
const volatile bool count_flows;
/*
 * The sides that are observed: what the device transmits to its readers, what it
 * receives from its writers, or both.
 */
const volatile bool side_xmit = true;
const volatile bool side_recv;
/*
 * Whether a drop reason, by its number in the running kernel, is given only to packets for
 * which a transmit queue has been chosen, or also to those that tun_get_user() refuses.
 */
enum reason_of { OF_ANY, OF_XMIT, OF_XMIT_OR_WRITE };
const volatile __u8 reason_xmit[DROP_REASONS];
/* The numbers of these drop reasons in the running kernel; 0: it has none. */
const volatile __u32 reason_backlog;
const volatile __u32 reason_rcvbuf;
const volatile __u32 reason_memory;
/*
 * An skb is timed if a hash of its address is not above. The cache line of a timed
 * skb's slot moves from the CPU of the sender to that of the reader and back, and the
 * sender waits for it: that is most of the cost of timing.
 */
volatile __u32 sample_limit = ~0U;
/* The same for the depth of the ring, which the reader changes on its own CPU. */
volatile __u32 depth_limit = ~0U;

/*
 * What user space changes while the programs are attached, to give them another
 * device. A word, target or target_tun, is in one of three states:
 *
 *   -1           there is no device, and nothing is counted
 *   above 0      the device has not been met: ifindex << 32 | inode of its namespace
 *   else below 0 the address of its net_device, or of its tun_struct: kernel addresses
 *                are negative. From then on a single comparison decides.
 *
 * A program that meets the device replaces the word if it is still the one that was
 * compared: so a program that began before another device was chosen cannot bring
 * back the old one.
 */
#define NO_TARGET (-1)

volatile __s64 target = NO_TARGET;
volatile __s64 target_tun = NO_TARGET;
/* An ifindex is unique only within a namespace. */
volatile __u32 target_ifindex;
volatile __u32 target_netns;

/* Reads a field of a BTF pointer, directly where the verifier knows its type. */
#define FIELD(typed, p, field) ((typed) ? (p)->field : BPF_CORE_READ(p, field))

/* Whether dev is the device that an unmet target describes. */
static __always_inline bool is_meant(__s64 wanted, struct net_device *dev, const bool typed)
{
	if (wanted < 0 || !dev || FIELD(typed, dev, ifindex) != (__u32)(wanted >> 32))
		return false;
	return (typed ? dev->nd_net.net->ns.inum : BPF_CORE_READ(dev, nd_net.net, ns.inum)) ==
	       (__u32)wanted;
}

static __always_inline bool is_target(struct net_device *dev, const bool typed)
{
	__s64 known = target;

	if ((__s64)dev == known)
		return true;
	if (!is_meant(known, dev, typed))
		return false;
	__sync_val_compare_and_swap(&target, known, (__s64)dev);
	return true;
}

static __always_inline bool is_target_tun(struct tun_struct *tun, const bool typed)
{
	__s64 known = target_tun;

	if ((__s64)tun == known)
		return true;
	if (known < 0 || !is_meant(known, FIELD(typed, tun, dev), typed))
		return false;
	__sync_val_compare_and_swap(&target_tun, known, (__s64)tun);
	return true;
}

#endif
