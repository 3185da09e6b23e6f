/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Packets by flow, by choice: each costs its sender the reading of its headers and a
 * look-up in a hash table.
 */
#ifndef TUNBENCH_FLOW_BPF_H
#define TUNBENCH_FLOW_BPF_H

#include "size.bpf.h"

struct flow {
	__u8 src[16], dst[16]; /* IPv4: the first four bytes */
	__be16 sport, dport;   /* of TCP, UDP and SCTP; else 0 */
	__u8 version, proto;
	__u16 dir; /* enum direction */
};

struct flow_counters {
	__u64 pkts, bytes;
};

/* The flow that was used least recently makes room for another. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct flow);
	__type(value, struct flow_counters);
} flows SEC(".maps");

#define PROTO_TCP 6
#define PROTO_UDP 17
#define PROTO_SCTP 132

/* Later fragments have no ports. Extension headers of IPv6 are not followed. */
static __noinline void count_flow(struct sk_buff *skb, __u32 dir, __u32 pkts, __u32 bytes)
{
	struct flow_counters *known, first = { pkts, bytes };
	struct flow flow = { .dir = dir };
	unsigned char *ip = skb->head + skb->network_header;
	__u8 h[40] = {};
	__u32 length, fragment = 0;

	bpf_probe_read_kernel(h, 20, ip);
	flow.version = h[0] >> 4;
	if (flow.version == 4) {
		length = (h[0] & 15) * 4;
		fragment = (h[6] & 31) | h[7];
		flow.proto = h[9];
		__builtin_memcpy(flow.src, h + 12, 4);
		__builtin_memcpy(flow.dst, h + 16, 4);
	} else if (flow.version == 6) {
		bpf_probe_read_kernel(h, 40, ip);
		length = 40;
		flow.proto = h[6];
		__builtin_memcpy(flow.src, h + 8, 16);
		__builtin_memcpy(flow.dst, h + 24, 16);
	} else {
		return;
	}
	if (!fragment && (flow.proto == PROTO_TCP || flow.proto == PROTO_UDP || flow.proto == PROTO_SCTP))
		bpf_probe_read_kernel(&flow.sport, 4, ip + length);
	known = bpf_map_lookup_elem(&flows, &flow);
	if (!known) {
		if (!bpf_map_update_elem(&flows, &flow, &first, BPF_NOEXIST))
			return;
		known = bpf_map_lookup_elem(&flows, &flow); /* another CPU was first */
		if (!known)
			return;
	}
	__sync_fetch_and_add(&known->pkts, pkts);
	__sync_fetch_and_add(&known->bytes, bytes);
}

#endif
