/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The size of an skb in wire segments and bytes.
 */
#ifndef TUNBENCH_SIZE_BPF_H
#define TUNBENCH_SIZE_BPF_H

#include "counters.bpf.h"

struct size {
	__u32 pkts;  /* wire segments */
	__u32 bytes; /* of these segments, including the link header and VLAN tag if there are any */
	__u32 kind;  /* enum gso_kind; GSO_KINDS: no GSO packet */
};

#define VLAN_HLEN 4

/*
 * Where the VLAN tag of an outgoing frame is not in its data, a bit of the skb, or all of a
 * field, shows that there is one (skb_vlan_tag_present() of include/linux/if_vlan.h).
 */
#define TAG_BYTE __builtin_preserve_field_info(((struct sk_buff *)0)->vlan_present, BPF_FIELD_BYTE_OFFSET)
#define TAG_SHIFT __builtin_preserve_field_info(((struct sk_buff *)0)->vlan_present, BPF_FIELD_LSHIFT_U64)
#define is_tag_bit(byte) ((__s64)((__u64)(byte) << TAG_SHIFT) < 0)

static __always_inline bool is_tagged(struct sk_buff *skb)
{
	if (bpf_core_field_exists(skb->vlan_all))
		return skb->vlan_all;
	return is_tag_bit(*((__u8 *)skb + TAG_BYTE));
}

static __always_inline struct size with_tag(struct size size, bool tagged)
{
	if (tagged)
		size.bytes += VLAN_HLEN * size.pkts;
	return size;
}

/* By the types of SKB_GSO_ in include/linux/skbuff.h. */
static __always_inline __u32 kind_of(__u32 type)
{
	if (type & (1 << 6 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10 | 1 << 11)) /* GRE, IPXIP, UDP tunnels */
		return GSO_TUNNEL;
	if (type & 1 << 0)
		return GSO_TCP4;
	if (type & 1 << 4)
		return GSO_TCP6;
	return type & (1 << 16 | 1 << 17) ? GSO_UDP : GSO_OTHER; /* UDP, UDP_L4 */
}

/*
 * The segments of a GSO packet, each of which repeats the headers. The packet is
 * len bytes long and begins at offset begin from head. This is what
 * skb_gso_transport_seglen() of net/core/gso.c does, but from gso_size alone:
 * gso_segs is 0 if the sender was not trusted.
 */
static __always_inline struct size gso_size(struct sk_buff *skb, __u32 begin, __u32 len,
					     const bool typed)
{
	unsigned char *head = FIELD(typed, skb, head);
	struct skb_shared_info *shinfo = (void *)(head + FIELD(typed, skb, end));
	struct size size = { 1, len, GSO_KINDS };
	__u32 transport, headers, mss, type;
	__u8 doff = 0;

	mss = BPF_CORE_READ(shinfo, gso_size);
	if (!mss)
		return size;
	type = BPF_CORE_READ(shinfo, gso_type);
	if (count_kinds)
		size.kind = kind_of(type);
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

static __always_inline struct size wire_size(struct sk_buff *skb, __u32 len, const bool gso)
{
	struct size size = { 1, len, GSO_KINDS };

	if (gso)
		return gso_size(skb, skb->data - skb->head, size.bytes, true);
	return size;
}

/*
 * Gives an address a type of vmlinux, so that the verifier makes loads of it (Linux 6.2,
 * commit a35b9af4ec2c). Such a load is some eight instructions, where
 * bpf_probe_read_kernel() is a hundred.
 */
extern void *bpf_rdonly_cast(const void *p, __u32 type) __ksym __weak;

#define TYPED(type, p) ((type *)bpf_rdonly_cast(p, bpf_core_type_id_kernel(type)))

/*
 * Reads len, queue_mapping and the bit of a VLAN tag, by which a kprobe counts an skb, at
 * once: a read of kernel memory costs more than all else that the program does. Kernels that
 * have no such bit have bpf_rdonly_cast().
 */
#define HEAD_BYTES 32

struct head {
	__u32 len;
	__u16 queue;
	bool tagged;
};

static __always_inline struct head head_of(struct sk_buff *skb)
{
	const __u64 at_len = bpf_core_field_offset(struct sk_buff, len);
	const __u64 at_queue = bpf_core_field_offset(struct sk_buff, queue_mapping);
	__u64 at_tag = at_len;
	__u8 bytes[HEAD_BYTES] __attribute__((aligned(8)));
	__u8 tag = 0;
	struct head head;

	if (bpf_core_field_exists(skb->vlan_present))
		at_tag = TAG_BYTE;
	if (at_queue > at_len && at_queue - at_len <= HEAD_BYTES - sizeof(head.queue) &&
	    at_tag >= at_len && at_tag - at_len < HEAD_BYTES) {
		bpf_probe_read_kernel(bytes, HEAD_BYTES, (void *)skb + at_len);
		head.len = *(__u32 *)bytes;
		head.queue = *(__u16 *)(bytes + (at_queue - at_len));
		tag = bytes[at_tag - at_len];
	} else {
		head.len = BPF_CORE_READ(skb, len);
		head.queue = BPF_CORE_READ(skb, queue_mapping);
		bpf_probe_read_kernel(&tag, sizeof(tag), (void *)skb + at_tag);
	}
	head.tagged = bpf_core_field_exists(skb->vlan_present) && is_tag_bit(tag);
	return head;
}

/* The queue of a file, for a kprobe. Where tun is a module its types are not in vmlinux. */
static __always_inline __u16 queue_index(struct tun_file *tfile)
{
	void *at = (void *)tfile + bpf_core_field_offset(struct tun_file, queue_index);

	if (bpf_rdonly_cast)
		return TYPED(struct sockaddr, at)->sa_family;
	return BPF_CORE_READ(tfile, queue_index);
}

/* wire_size, for a kprobe. */
static __always_inline struct size probed_size(struct sk_buff *skb, __u32 len, const bool gso)
{
	struct size size = { 1, len, GSO_KINDS };

	if (gso)
		return gso_size(skb, BPF_CORE_READ(skb, data) - BPF_CORE_READ(skb, head), len, false);
	return size;
}

/*
 * The size of a received skb. Each layer has pulled its header, so that data points
 * behind the headers. A TUN has no link header: its mac_header is the start of the
 * IP header.
 */
static __always_inline struct size received_size(struct sk_buff *skb)
{
	__u32 begin = skb->mac_header;
	struct size size = { 1, skb->len + (__u32)(skb->data - skb->head) - begin, GSO_KINDS };

	if (target_gso)
		return gso_size(skb, begin, size.bytes, true);
	return size;
}

#endif
