//go:build ignore

/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Programs that are attached to the device under test. A trial measures them, so
 * each does no more than its axis asks for.
 *
 * Their parameters, struct __sk_buff and struct xdp_md, are declared as void: the
 * type of a parameter becomes part of the object's BTF, and these structs grow
 * with the kernel headers, so that the object would depend on their version.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define SKB(ctx) ((struct __sk_buff *)(ctx))
#define XDP(ctx) ((struct xdp_md *)(ctx))

/*
 * Steering (TUNSETSTEERINGEBPF). The kernel takes the result modulo the number
 * of queues (tun_ebpf_select_queue of drivers/net/tun.c).
 */
SEC("socket")
int steer_hash(void *ctx)
{
	return SKB(ctx)->hash;
}

SEC("socket")
int steer_cpu(void *ctx)
{
	return bpf_get_smp_processor_id();
}

SEC("socket")
int steer_one(void *ctx)
{
	return 1;
}

/*
 * Filters (TUNSETFILTEREBPF). The result is how many bytes of the packet the
 * kernel keeps (run_ebpf_filter of drivers/net/tun.c).
 */
SEC("socket")
int filter_pass(void *ctx)
{
	return SKB(ctx)->len;
}

/* How long filter_wait takes for a packet, in ns. */
const volatile __u32 filter_ns;

/*
 * Bounds the looks at the clock, so that the verifier sees that the loop ends.
 * Each takes 10 ns at least.
 */
#define FILTER_LOOKS 8192

SEC("socket")
int filter_wait(void *ctx)
{
	__u64 start = bpf_ktime_get_ns();
	__u32 takes = filter_ns;

	for (__u64 i = 0; i < FILTER_LOOKS; i++)
		if (bpf_ktime_get_ns() - start >= takes)
			break;
	return SKB(ctx)->len;
}

/* What the XDP programs have seen, of each CPU. */
struct xdp_counters {
	__u64 packets, bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xdp_counters);
} xdp_counts SEC(".maps");

/* A frame is done before the next one comes on its CPU. */
static __always_inline int xdp_count(void *ctx, int action)
{
	__u32 zero = 0;
	struct xdp_counters *c = bpf_map_lookup_elem(&xdp_counts, &zero);

	if (c) {
		c->packets++;
		c->bytes += (long)XDP(ctx)->data_end - (long)XDP(ctx)->data;
	}
	return action;
}

SEC("xdp")
int xdp_pass(void *ctx)
{
	return xdp_count(ctx, XDP_PASS);
}

SEC("xdp")
int xdp_drop(void *ctx)
{
	return xdp_count(ctx, XDP_DROP);
}

char _license[] SEC("license") = "Dual BSD/GPL";
