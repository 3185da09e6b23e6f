//go:build ignore

/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The observer: what a TUN/TAP device does, counted in the kernel.
 *
 * Each event has one body and a thin entry point for each kind of hook. Every
 * counter lives in the slot of a CPU and is written by one program only, with
 * preemption of that program by itself excluded by the kernel, so that plain
 * additions are exact. User space maps the counters and reads them.
 */
#include "kernel.bpf.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include "hist.bpf.h"

#define STAMP_BITS 18
#define TASKS 4096
#define DROP_REASONS 512
#define ERRNOS 1024
#define ENOMEM 12

/* The functions of tun whose returns are looked at. */
enum call { CALL_XMIT, CALL_READ, CALL_WRITE, CALLS };

/* The device under test. An ifindex is unique only within a namespace. */
const volatile __u32 target_ifindex;
const volatile __u32 target_netns;
const volatile __u32 nr_queues = 1;
/* Whether the device takes super-packets; if not, nobody looks for them. */
const volatile bool target_gso;
/*
 * What of the device is looked at: what it transmits to those who read, what it
 * receives from those who write, or both.
 */
const volatile bool side_xmit = true;
const volatile bool side_recv;
/* The numbers of these drop reasons in the running kernel; 0: it has none. */
const volatile __u32 reason_backlog;
const volatile __u32 reason_rcvbuf;
const volatile __u32 reason_memory;
/*
 * Of so many skbs plus one, a power of two in all, one is timed. The slot of a
 * timed skb travels from the CPU of the sender to that of the reader and back,
 * and the sender waits for it: that is most of what timing costs.
 */
const volatile __u32 sample_mask;

/* Residency is recorded only while user space holds this at 1. */
volatile __u32 measuring;

/* The device once it was found: one comparison instead of three loads. */
static volatile __u64 target_dev;

struct queue_counters {
	__u64 xmit_skbs, xmit_pkts, xmit_bytes;
	__u64 read_skbs, read_pkts, read_bytes;
	__u64 drop_pkts;
	__u64 read_calls, read_ret_bytes;
	__u64 recv_skbs, recv_pkts, recv_bytes;
	__u64 recv_drop_pkts;
	__u64 write_calls, write_ret_bytes;
	__u64 pad; /* two cache lines, none shared between CPUs */
};

struct cpu_counters {
	__u64 buckets[HIST_BUCKETS];
	__u64 overflow;
	__u64 min, max; /* ns; min is stored as its complement, so that 0 is empty */
	__u64 missed;	/* dequeues whose stamp had been overwritten */
	__u64 refused;	/* skbs for which xmit returned other than NETDEV_TX_OK */
	__u64 strays;	/* events on a queue above nr_queues */
	/* The last drop at a socket that is not known yet; see on_late_drop. */
	__u32 late_pkts, late_reason, late_queue;
	__u32 pad;
	__u64 lost[CALLS];		/* calls whose return no kretprobe saw; see leave_note */
	__u64 drops[DROP_REASONS];	/* packets by enum skb_drop_reason */
	__u64 errors[ERRNOS];		/* negative returns of tun_do_read */
	__u64 recv_drops[DROP_REASONS]; /* of received packets */
	__u64 write_errors[ERRNOS];	/* negative returns of tun_get_user */
};

/* [cpu * nr_queues + queue] */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct queue_counters);
} queues SEC(".maps");

/* [cpu] */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cpu_counters);
} cpus SEC(".maps");

/*
 * When an skb was handed to the device, direct-mapped by its address. One word
 * holds a tag of 16 bits and 48 bits of time, so that a slot can never be read
 * half old, half new. Slot and tag tell apart all skbs within 1 TiB of memory.
 * Only the slots of skbs in flight are ever touched; there are many, so that
 * two of these seldom share one.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 << STAMP_BITS);
	__type(key, __u32);
	__type(value, __u64);
} stamps SEC(".maps");

/*
 * Between entry and return of a probed function: (task, CPU, queue + 1),
 * direct-mapped by task. Only kretprobes need it; fexit is given the arguments.
 * User space counts the notes that are left at the end.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, TASKS);
	__type(key, __u32);
	__type(value, __u64);
} xmit_tasks SEC(".maps"), read_tasks SEC(".maps"), write_tasks SEC(".maps");

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

/*
 * Puts what is too large into the last slot. The barriers keep the compiler
 * from testing one register and indexing with another, which the verifier
 * cannot follow.
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

static __always_inline struct queue_counters *this_queue(__u32 queue)
{
	__u32 key;

	if (queue >= nr_queues) {
		struct cpu_counters *c = this_cpu();

		if (c)
			__sync_fetch_and_add(&c->strays, 1);
		return 0;
	}
	key = bpf_get_smp_processor_id() * nr_queues + queue;
	return bpf_map_lookup_elem(&queues, &key);
}

struct size {
	__u32 pkts;  /* wire segments */
	__u32 bytes; /* of these segments, link header included where there is one */
};

/*
 * Takes a super-packet apart on paper: n segments that each repeat the
 * headers. It is len bytes long and begins at this offset from head. Like skb_gso_transport_seglen() of net/core/gso.c, but it trusts
 * gso_size alone, since gso_segs is 0 where the sender was not trusted.
 */
static __always_inline struct size gso_size(struct sk_buff *skb, __u32 begin, __u32 len,
					     const bool typed)
{
	unsigned char *head = FIELD(typed, skb, head);
	struct skb_shared_info *shinfo = (void *)(head + FIELD(typed, skb, end));
	struct size size = { 1, len };
	__u32 transport, headers, mss, type;
	__u8 doff = 0;

	mss = BPF_CORE_READ(shinfo, gso_size);
	if (!mss)
		return size;
	type = BPF_CORE_READ(shinfo, gso_type);
	transport = BPF_CORE_READ_BITFIELD_PROBED(skb, encapsulation) ?
			    FIELD(typed, skb, inner_transport_header) :
			    FIELD(typed, skb, transport_header);
	headers = transport - begin;
	if (type & (1 << 0 | 1 << 4)) { /* SKB_GSO_TCPV4, SKB_GSO_TCPV6 */
		bpf_probe_read_kernel(&doff, 1, head + transport + 12);
		headers += (doff >> 4) * 4;
	} else {
		headers += 8; /* UDP */
	}
	if (headers >= len)
		return size;
	size.pkts = (len - headers + mss - 1) / mss;
	size.bytes = len + (size.pkts - 1) * headers;
	return size;
}

static __always_inline struct size wire_size(struct sk_buff *skb, const bool typed)
{
	struct size size = { 1, FIELD(typed, skb, len) };

	if (target_gso)
		return gso_size(skb, FIELD(typed, skb, data) - FIELD(typed, skb, head), size.bytes,
				typed);
	return size;
}

/*
 * The same of an skb that was received: layer by layer its headers are pulled,
 * which leaves data behind them. A TUN has no link header; its mac_header is
 * where the IP header begins.
 */
static __always_inline struct size received_size(struct sk_buff *skb)
{
	__u32 begin = skb->mac_header;
	struct size size = { 1, skb->len + (__u32)(skb->data - skb->head) - begin };

	if (target_gso)
		return gso_size(skb, begin, size.bytes, true);
	return size;
}

/*
 * The verifier lets nobody shift a pointer, but the distance of two pointers is
 * a number: that of skb and device stands for the address. skbs come from a
 * slab whose objects are at least 64 bytes apart.
 */
static __always_inline __u64 skb_id(struct sk_buff *skb, struct net_device *dev)
{
	return ((__u64)skb - (__u64)dev) >> 6;
}

/*
 * Most skbs are 256 bytes apart: the slot leaves out the two bits below that,
 * which tell a clone from its original, and leaves them to the tag.
 */
#define stamp_slot(id) ((id) >> 2 & ((1 << STAMP_BITS) - 1))
#define stamp_tag(id) (((id) >> (2 + STAMP_BITS) << 2 | ((id) & 3)) << 48)

/*
 * Chosen by address: both ends agree without a word, and a slot never holds the
 * time of an earlier life of its skb. The multiplication parts the choice from
 * the order in which the slab hands its objects out.
 */
#define is_sampled(id) (!((__u32)((id) >> 2) * 0x9e3779b1U >> 16 & sample_mask))

#define STAMP_TIME ((1ULL << 48) - 1)

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
	/* A slot that nothing was written to has a tag, too: 0. */
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
 * A drop on either side. The core of the stack sets skb_iif when a packet was
 * received, so that it tells what was received from what is transmitted, and
 * from what tun_get_user() frees because it refuses it: that is an error of the
 * write, not a drop. A packet that waits for another CPU has not got that far.
 * A UDP socket puts other things in the place of skb->dev (dev_scratch): then
 * the socket's namespace says whose the packet is.
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

/*
 * A task that enters a probed function leaves a note for its return. While it
 * transmits it stays on its CPU, and idle CPUs share task 0: the CPU is part of
 * the note. Who reads or writes may sleep and wake up elsewhere: for them the CPU is 0.
 */
static __always_inline __u64 note_of(__u32 cpu)
{
	return (__u64)(__u32)bpf_get_current_pid_tgid() << 32 | (__u64)(__u16)cpu << 16;
}

/*
 * A note that is still there is that of a call whose return was not seen: the
 * kernel has a fixed number of kretprobe instances for each function (register_kretprobe()
 * of kernel/kprobes.c), tasks that sleep in the function hold them, and the
 * returns of further calls pass by. So each lost return is counted once: here, or as a
 * note that is left at the end.
 */
static __always_inline void leave_note(void *tasks, __u32 cpu, __u32 queue, const enum call call)
{
	__u64 note = note_of(cpu);
	__u32 slot = ((note >> 32) + cpu) & (TASKS - 1);
	__u64 *kept = bpf_map_lookup_elem(tasks, &slot);
	struct cpu_counters *c;

	if (!kept)
		return;
	if (*(volatile __u64 *)kept && (c = this_cpu()))
		c->lost[call]++;
	*(volatile __u64 *)kept = note | (__u16)(queue + 1);
}

/* Gives the queue + 1, or 0 if the task left no note. */
static __always_inline __u32 take_note(void *tasks, __u32 cpu)
{
	__u64 note = note_of(cpu), word;
	__u32 slot = ((note >> 32) + cpu) & (TASKS - 1);
	__u64 *kept = bpf_map_lookup_elem(tasks, &slot);

	if (!kept)
		return 0;
	word = *(volatile __u64 *)kept;
	if (word >> 16 != note >> 16)
		return 0;
	*(volatile __u64 *)kept = 0;
	return word & 0xffff;
}

/* kprobe rung */

SEC("kprobe/tun_net_xmit")
int BPF_KPROBE(kprobe_xmit, struct sk_buff *skb, struct net_device *dev)
{
	if (!is_target(dev, false))
		return 0;
	leave_note(&xmit_tasks, bpf_get_smp_processor_id(), BPF_CORE_READ(skb, queue_mapping),
		   CALL_XMIT);
	return on_xmit(skb, dev, false);
}

SEC("kretprobe/tun_net_xmit")
int BPF_KRETPROBE(kretprobe_xmit, int rc)
{
	if (!take_note(&xmit_tasks, bpf_get_smp_processor_id()))
		return 0;
	return on_xmit_return(rc);
}

SEC("kprobe/tun_do_read")
int BPF_KPROBE(kprobe_read, struct tun_struct *tun, struct tun_file *tfile)
{
	if (is_target(BPF_CORE_READ(tun, dev), false))
		leave_note(&read_tasks, 0, BPF_CORE_READ(tfile, queue_index), CALL_READ);
	return 0;
}

SEC("kretprobe/tun_do_read")
int BPF_KRETPROBE(kretprobe_read, long ret)
{
	__u32 queue = take_note(&read_tasks, 0);

	return queue ? on_read_return(queue - 1, ret) : 0;
}

SEC("kprobe/tun_get_user")
int BPF_KPROBE(kprobe_write, struct tun_struct *tun, struct tun_file *tfile)
{
	if (is_target(BPF_CORE_READ(tun, dev), false))
		leave_note(&write_tasks, 0, BPF_CORE_READ(tfile, queue_index), CALL_WRITE);
	return 0;
}

SEC("kretprobe/tun_get_user")
int BPF_KRETPROBE(kretprobe_write, long ret)
{
	__u32 queue = take_note(&write_tasks, 0);

	return queue ? on_write_return(queue - 1, ret) : 0;
}

/* fentry rung */

SEC("fentry/tun_net_xmit")
int BPF_PROG(fentry_xmit, struct sk_buff *skb, struct net_device *dev)
{
	return is_target(dev, true) ? on_xmit(skb, dev, true) : 0;
}

SEC("fexit/tun_net_xmit")
int BPF_PROG(fexit_xmit, struct sk_buff *skb, struct net_device *dev, int rc)
{
	return is_target(dev, true) ? on_xmit_return(rc) : 0;
}

SEC("fexit/tun_do_read")
int BPF_PROG(fexit_read, struct tun_struct *tun, struct tun_file *tfile, void *to, int noblock,
	     void *ptr, long ret)
{
	return is_target(tun->dev, true) ? on_read_return(tfile->queue_index, ret) : 0;
}

SEC("fexit/tun_get_user")
int BPF_PROG(fexit_write, struct tun_struct *tun, struct tun_file *tfile, void *msg, void *from,
	     int noblock, bool more, long ret)
{
	return is_target(tun->dev, true) ? on_write_return(tfile->queue_index, ret) : 0;
}

/* tracepoint rung; a refused xmit shows as kfree_skb, so that net_dev_xmit would
 * tell nothing new at the price of a third of this rung's cost to the sender */

SEC("tp_btf/net_dev_start_xmit")
int BPF_PROG(tp_xmit, struct sk_buff *skb, struct net_device *dev)
{
	return is_target(dev, true) ? on_xmit(skb, dev, true) : 0;
}

/* every rung: what user space reads */

SEC("tp_btf/skb_copy_datagram_iovec")
int BPF_PROG(tp_dequeue, struct sk_buff *skb)
{
	/* For an skb in a socket's queue skb->dev is something else (dev_scratch);
	 * it is compared, or read with faults handled, never trusted. */
	return is_target(skb->dev, true) ? on_dequeue(skb) : 0;
}

/* What was received by the device, too, is not what it was to transmit. */
static __always_inline bool is_outgoing(struct sk_buff *skb)
{
	return is_target(skb->dev, true) && skb->skb_iif != target_ifindex;
}

SEC("tp_btf/kfree_skb")
int BPF_PROG(tp_drop, struct sk_buff *skb, void *location, __u32 reason)
{
	return is_outgoing(skb) ? on_drop(skb, reason) : 0;
}

/* Before Linux 5.17 (commit c504e5c2f964) the tracepoint gave no reason. */
SEC("tp_btf/kfree_skb")
int BPF_PROG(tp_drop_unknown, struct sk_buff *skb)
{
	return is_outgoing(skb) ? on_drop(skb, 0) : 0;
}

/*
 * Every rung: what user space writes, whether tun_get_user() or, for vhost,
 * tun_xdp_one() takes it. Each skb passes one of the three: the first without
 * NAPI, the second with it, the third with IFF_NAPI_FRAGS.
 */

SEC("tp_btf/netif_receive_skb_entry")
int BPF_PROG(tp_receive, struct sk_buff *skb)
{
	return is_target(skb->dev, true) ? on_receive(skb) : 0;
}

SEC("tp_btf/napi_gro_receive_entry")
int BPF_PROG(tp_receive_napi, struct sk_buff *skb)
{
	return is_target(skb->dev, true) ? on_receive(skb) : 0;
}

SEC("tp_btf/napi_gro_frags_entry")
int BPF_PROG(tp_receive_frags, struct sk_buff *skb)
{
	return is_target(skb->dev, true) ? on_receive(skb) : 0;
}

/* rx_sk is there since Linux 6.11 (commit c53795d48ee8). */
SEC("tp_btf/kfree_skb")
int BPF_PROG(tp_drop_sock, struct sk_buff *skb, void *location, __u32 reason, struct sock *rx_sk)
{
	return on_any_drop(skb, reason, rx_sk);
}

/* Linux 6.10 (commit e9669a00bba7) tells of a full socket and then frees the skb. */
SEC("tp_btf/kfree_skb")
int BPF_PROG(tp_drop_side, struct sk_buff *skb, void *location, __u32 reason)
{
	return on_any_drop(skb, reason, 0);
}

SEC("tp_btf/udp_fail_queue_rcv_skb")
int BPF_PROG(tp_full_skb, int rc, struct sock *sk, struct sk_buff *skb)
{
	if (skb->skb_iif != target_ifindex || is_target(skb->dev, true) || !in_target_netns(sk))
		return 0;
	return count_recv_drop(received_on(skb), received_size(skb).pkts,
			       rc == -ENOMEM ? reason_rcvbuf : reason_memory);
}

/*
 * Before, a full socket freed the skb and then told so. The two are put together
 * by the CPU, where nothing comes between them.
 */
static __always_inline int on_late_drop(struct sk_buff *skb, __u32 reason)
{
	struct cpu_counters *c;

	if ((reason != reason_rcvbuf && reason != reason_memory) || is_target(skb->dev, true) ||
	    skb->skb_iif != target_ifindex || !(c = this_cpu()))
		return on_any_drop(skb, reason, 0);
	c->late_pkts = received_size(skb).pkts;
	c->late_queue = received_on(skb);
	c->late_reason = reason;
	return 0;
}

SEC("tp_btf/kfree_skb")
int BPF_PROG(tp_drop_late, struct sk_buff *skb, void *location, __u32 reason)
{
	return on_late_drop(skb, reason);
}

SEC("tp_btf/kfree_skb")
int BPF_PROG(tp_drop_late_unknown, struct sk_buff *skb)
{
	return on_late_drop(skb, 0);
}

SEC("tp_btf/udp_fail_queue_rcv_skb")
int BPF_PROG(tp_full, int rc, struct sock *sk)
{
	struct cpu_counters *c = this_cpu();
	__u32 pkts;

	if (!c || !(pkts = c->late_pkts))
		return 0;
	c->late_pkts = 0;
	return in_target_netns(sk) ? count_recv_drop(c->late_queue, pkts, c->late_reason) : 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
