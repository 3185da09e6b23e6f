/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The size of an skb in wire segments and bytes.
 */
#ifndef TUNBENCH_SIZE_BPF_H
#define TUNBENCH_SIZE_BPF_H

#include "target.bpf.h"

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

#endif
