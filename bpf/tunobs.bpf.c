//go:build ignore

/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The observer counts in the kernel what a TUN/TAP device does. This file has the
 * entry points of each hook; the bodies are in event.bpf.h.
 */
#include "kernel.bpf.h"
#include <bpf/bpf_tracing.h>
#include "event.bpf.h"
#include "note.bpf.h"

#define ENOMEM 12

/* Hook kprobe. */

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

/* Hook fentry. */

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

/*
 * Hook tracepoint. A refused xmit shows as kfree_skb, so that net_dev_xmit would add
 * nothing and would be a third of what this hook costs the sender.
 */

SEC("tp_btf/net_dev_start_xmit")
int BPF_PROG(tp_xmit, struct sk_buff *skb, struct net_device *dev)
{
	return is_target(dev, true) ? on_xmit(skb, dev, true) : 0;
}

/* All hooks: what user space reads. */

SEC("tp_btf/skb_copy_datagram_iovec")
int BPF_PROG(tp_dequeue, struct sk_buff *skb)
{
	/* A socket's queue reuses skb->dev (dev_scratch): it is only compared, or read
	 * with faults handled. */
	return is_target(skb->dev, true) ? on_dequeue(skb) : 0;
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
	if (skb->skb_iif != target_ifindex || is_target(skb->dev, true) || !in_target_netns(sk))
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
