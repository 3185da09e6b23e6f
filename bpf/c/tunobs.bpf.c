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

/* Parameter i of a function or of a tracepoint, from the context of a tracing program. */
#define ARG(type, ctx, i) ((type *)(ctx)[i])

/* Hook kprobe. */

static __always_inline int probe_xmit(struct pt_regs *ctx, struct here h, const bool extras)
{
	struct sk_buff *skb = (void *)PT_REGS_PARM1(ctx);
	__u64 distance = distance_of(skb, (void *)PT_REGS_PARM2(ctx));
	struct head head;

	if (bpf_rdonly_cast) {
		skb = TYPED(struct sk_buff, skb);
		return on_xmit(h, distance, (void *)PT_REGS_PARM2(ctx), skb, skb->queue_mapping,
			       with_tag(wire_size(skb, skb->len, extras && target_gso), is_tagged(skb)), extras);
	}
	head = head_of(skb);
	return on_xmit(h, distance, (void *)PT_REGS_PARM2(ctx), 0, head.queue,
		       with_tag(probed_size(skb, head.len, extras && target_gso), head.tagged), extras);
}

static __noinline int probe_xmit_extras(struct pt_regs *ctx)
{
	return probe_xmit(ctx, here(), true);
}

SEC("kprobe/tun_net_xmit")
int kprobe_xmit(struct pt_regs *ctx)
{
	struct here h;

	if (!is_target((void *)PT_REGS_PARM2(ctx), false))
		return 0;
	h = here();
	if (!h.settings->extras)
		return probe_xmit(ctx, h, false);
	return probe_xmit_extras(ctx);
}

SEC("kprobe/tun_do_read")
int kprobe_read(struct pt_regs *ctx)
{
	if (!is_target_tun((void *)PT_REGS_PARM1(ctx), false))
		return 0;
	if (settings.nr_queues == 1)
		return on_read(0);
	return on_read(queue_index((void *)PT_REGS_PARM2(ctx)));
}

/* Hook fentry and hook tracepoint: the parameters are those of tun_net_xmit(). */

static __always_inline int trace_xmit(__u64 *ctx, struct here h, const bool extras)
{
	struct sk_buff *skb = ARG(struct sk_buff, ctx, 0);

	return on_xmit(h, distance_of(skb, ARG(struct net_device, ctx, 1)),
		       ARG(struct net_device, ctx, 1), skb, skb->queue_mapping,
		       with_tag(wire_size(skb, skb->len, extras && target_gso), is_tagged(skb)), extras);
}

static __noinline int trace_xmit_extras(__u64 *ctx)
{
	return trace_xmit(ctx, here(), true);
}

static __always_inline int count_xmit(__u64 *ctx)
{
	struct here h;

	if (!is_target(ARG(struct net_device, ctx, 1), true))
		return 0;
	h = here();
	if (!h.settings->extras)
		return trace_xmit(ctx, h, false);
	return trace_xmit_extras(ctx);
}

SEC("fentry/tun_net_xmit")
int fentry_xmit(__u64 *ctx)
{
	return count_xmit(ctx);
}

SEC("fentry/tun_do_read")
int fentry_read(__u64 *ctx)
{
	if (!is_target_tun(ARG(struct tun_struct, ctx, 0), true))
		return 0;
	if (settings.nr_queues == 1)
		return on_read(0);
	return on_read(ARG(struct tun_file, ctx, 1)->queue_index);
}

/* By choice, with any hook: the errors of what user space calls. */

SEC("fexit/tun_chr_read_iter")
int BPF_PROG(fexit_read, struct kiocb *iocb, struct iov_iter *to, long result)
{
	return on_return(iocb->ki_filp, DIR_XMIT, result);
}

SEC("fexit/tun_chr_write_iter")
int BPF_PROG(fexit_write, struct kiocb *iocb, struct iov_iter *from, long result)
{
	return on_return(iocb->ki_filp, DIR_RECV, result);
}

/*
 * A refused xmit shows as kfree_skb, so that net_dev_xmit would add nothing and would be
 * a third of what this hook costs the sender.
 */
SEC("tp_btf/net_dev_start_xmit")
int tp_xmit(__u64 *ctx)
{
	return count_xmit(ctx);
}

/* By choice, with any hook: the driver has taken a packet, or dropped it. */
SEC("tp_btf/net_dev_xmit")
int BPF_PROG(tp_sent, struct sk_buff *skb, int rc, struct net_device *dev)
{
	return is_target(dev, true) ? on_sent(dev) : 0;
}

/* All hooks: what user space reads. */

SEC("tp_btf/skb_copy_datagram_iovec")
int tp_dequeue(__u64 *ctx)
{
	/* A socket's queue reuses skb->dev (dev_scratch): it is only compared, or read
	 * with faults handled. */
	if (!is_target(ARG(struct sk_buff, ctx, 0)->dev, true))
		return 0;
	return on_dequeue(here(), ARG(struct sk_buff, ctx, 0), ctx[1]);
}

SEC("tp_btf/kfree_skb")
int BPF_PROG(tp_drop, struct sk_buff *skb, void *location, __u32 reason)
{
	return is_target(skb->dev, true) && is_outgoing(skb, reason) && !is_refused(skb, reason) ? on_drop(skb, reason) : 0;
}

/* Before Linux 5.17 (commit c504e5c2f964) the tracepoint gave no reason. */
SEC("tp_btf/kfree_skb")
int BPF_PROG(tp_drop_unknown, struct sk_buff *skb)
{
	return is_target(skb->dev, true) && is_outgoing(skb, 0) && !is_refused(skb, 0) ? on_drop(skb, 0) : 0;
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
	    skb->skb_iif != target_ifindex)
		return on_any_drop(skb, reason, 0);
	c = here().c;
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

	if (target == NO_TARGET)
		return 0;
	c = here().c;
	pkts = c->late_pkts;
	if (!pkts)
		return 0;
	c->late_pkts = 0;
	return in_target_netns(sk) ? count_recv_drop(c->late_queue, pkts, c->late_reason) : 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
