//go:build ignore

/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The observer counts in the kernel what a TUN/TAP device does. This file has the
 * entry points of each hook; the bodies are in event.bpf.h.
 */
#include "kernel.bpf.h"
#include <bpf/bpf_tracing.h>
#include "event.bpf.h"

#define ENOMEM 12

/* Hook kprobe. */

SEC("kprobe/tun_net_xmit")
int BPF_KPROBE(kprobe_xmit, struct sk_buff *skb, struct net_device *dev)
{
	struct head head;

	if (!is_target(dev, false))
		return 0;
	head = head_of(skb);
	return on_xmit(skb, dev, head.queue, probed_size(skb, head.len));
}

SEC("kprobe/tun_do_read")
int BPF_KPROBE(kprobe_read, struct tun_struct *tun, struct tun_file *tfile)
{
	return is_target_tun(tun, false) ? on_read(BPF_CORE_READ(tfile, queue_index)) : 0;
}

/* Hook fentry. */

SEC("fentry/tun_net_xmit")
int BPF_PROG(fentry_xmit, struct sk_buff *skb, struct net_device *dev)
{
	return is_target(dev, true) ? on_xmit(skb, dev, skb->queue_mapping, wire_size(skb)) : 0;
}

SEC("fentry/tun_do_read")
int BPF_PROG(fentry_read, struct tun_struct *tun, struct tun_file *tfile)
{
	return is_target_tun(tun, true) ? on_read(tfile->queue_index) : 0;
}

/*
 * Hook tracepoint. A refused xmit shows as kfree_skb, so that net_dev_xmit would add
 * nothing and would be a third of what this hook costs the sender.
 */

SEC("tp_btf/net_dev_start_xmit")
int BPF_PROG(tp_xmit, struct sk_buff *skb, struct net_device *dev)
{
	return is_target(dev, true) ? on_xmit(skb, dev, skb->queue_mapping, wire_size(skb)) : 0;
}

/* All hooks: what user space reads. */

SEC("tp_btf/skb_copy_datagram_iovec")
int BPF_PROG(tp_dequeue, struct sk_buff *skb)
{
	/* A socket's queue reuses skb->dev (dev_scratch): it is only compared, or read
	 * with faults handled. */
	struct net_device *dev = skb->dev;

	return is_target(dev, true) ? on_dequeue(skb, dev) : 0;
}

/* A packet that the device received is not one that it transmits. */
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
 * All hooks: what user space writes, whether tun_get_user() or, for vhost,
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

/* Since Linux 6.10 (commit e9669a00bba7) this tracepoint comes before the skb is freed. */
SEC("tp_btf/kfree_skb")
int BPF_PROG(tp_drop_side, struct sk_buff *skb, void *location, __u32 reason)
{
	return on_any_drop(skb, reason, 0);
}

SEC("tp_btf/udp_fail_queue_rcv_skb")
int BPF_PROG(tp_full_skb, int rc, struct sock *sk, struct sk_buff *skb)
{
	if (target == NO_TARGET || skb->skb_iif != target_ifindex || is_target(skb->dev, true) ||
	    !in_target_netns(sk))
		return 0;
	return count_recv_drop(received_on(skb), received_size(skb).pkts,
			       rc == -ENOMEM ? reason_rcvbuf : reason_memory);
}

/*
 * Before Linux 6.10 the skb was freed first. The two events are paired by CPU: none
 * comes between them.
 */
static __always_inline int on_late_drop(struct sk_buff *skb, __u32 reason)
{
	struct cpu_counters *c;

	if (target == NO_TARGET)
		return 0;
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
	struct cpu_counters *c;
	__u32 pkts;

	if (target == NO_TARGET || !(c = this_cpu()) || !(pkts = c->late_pkts))
		return 0;
	c->late_pkts = 0;
	return in_target_netns(sk) ? count_recv_drop(c->late_queue, pkts, c->late_reason) : 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
