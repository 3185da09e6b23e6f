/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The device under observation, and whether an event belongs to it.
 */
#ifndef TUNBENCH_TARGET_BPF_H
#define TUNBENCH_TARGET_BPF_H

#include "kernel.bpf.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

/* The device under test. An ifindex is unique only within a namespace. */
const volatile __u32 target_ifindex;
const volatile __u32 target_netns;
const volatile __u32 nr_queues = 1;
/* Whether the device accepts GSO packets; if not, none are looked for. */
const volatile bool target_gso;
/*
 * The sides that are observed: what the device transmits to its readers, what it
 * receives from its writers, or both.
 */
const volatile bool side_xmit = true;
const volatile bool side_recv;
/* The numbers of these drop reasons in the running kernel; 0: it has none. */
const volatile __u32 reason_backlog;
const volatile __u32 reason_rcvbuf;
const volatile __u32 reason_memory;
/*
 * One skb in sample_mask + 1, a power of two, is timed. The cache line of a timed
 * skb's slot moves from the CPU of the sender to that of the reader and back, and the
 * sender waits for it: that is most of the cost of timing.
 */
const volatile __u32 sample_mask;

/* The device, once found: then one comparison replaces three loads. */
static volatile __u64 target_dev;

/* Reads a field of a BTF pointer, directly where the verifier knows its type. */
#define FIELD(typed, p, field) ((typed) ? (p)->field : BPF_CORE_READ(p, field))

static __always_inline bool is_target(struct net_device *dev, const bool typed)
{
	__u64 known = target_dev;
	__u32 netns;

	if (known)
		return (__u64)dev == known;
	if (!dev || FIELD(typed, dev, ifindex) != target_ifindex)
		return false;
	netns = typed ? dev->nd_net.net->ns.inum : BPF_CORE_READ(dev, nd_net.net, ns.inum);
	if (netns != target_netns)
		return false;
	target_dev = (__u64)dev;
	return true;
}

#endif
