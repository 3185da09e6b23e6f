/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The few kernel types that the observer reads, as CO-RE subsets: fields are
 * found by name in the running kernel's BTF, so only names matter here, not
 * order or size. It stands in for a vmlinux.h, whose guard it sets so that
 * libbpf's headers take the kernel's names of registers.
 */
#ifndef __VMLINUX_H__
#define __VMLINUX_H__

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long __s64;
typedef unsigned long long __u64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef _Bool bool;
#define true 1
#define false 0

enum {
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_NOEXIST = 1,
	BPF_F_MMAPABLE = 1 << 10,
};

/* The registers of a kprobe. These are ABI, not relocated. */
#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8;
	unsigned long ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss;
};
#elif defined(__TARGET_ARCH_arm64)
struct user_pt_regs {
	__u64 regs[31];
	__u64 sp, pc, pstate;
};
struct pt_regs {
	struct user_pt_regs user_regs;
};
#endif

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct net_device {
	char name[16];
	int ifindex;
	possible_net_t nd_net;
	struct netdev_queue *_tx;
};

/* A transmit queue: _tx has one for each. */
struct netdev_queue {
	unsigned long state;
};

/* include/net/sock.h; only the family and the namespace of a socket. */
struct sock_common {
	unsigned short skc_family;
	possible_net_t skc_net;
};

struct sock {
	struct sock_common __sk_common;
};

struct sk_buff {
	struct net_device *dev;
	struct sock *sk;
	unsigned int len;
	int skb_iif;
	__u16 queue_mapping;
	__u16 mac_header;
	__u16 network_header;
	__u16 transport_header;
	__u16 inner_transport_header;
	__u8 encapsulation : 1;
	__u8 vlan_present : 1; /* until Linux 6.1 */
	__u32 vlan_all;	       /* since Linux 6.2 (commit 354259fa73e2) */
	unsigned int end;
	unsigned char *head;
	unsigned char *data;
};

/* Two bytes at an address; see queue_index(). */
struct sockaddr {
	__u16 sa_family;
};

struct skb_shared_info {
	unsigned short gso_size;
	unsigned int gso_type;
};

/* A pointer at an address; see pointer_at(). */
struct hlist_head {
	void *first;
};

/* include/linux/ptr_ring.h */
struct ptr_ring {
	int producer;
	int consumer_head;
	int size;
	void **queue;
};

/* drivers/net/tun.c; in the BTF of the module where tun is one. */
struct tun_struct {
	struct tun_file *tfiles[256];
	struct net_device *dev;
};

struct tun_file {
	struct tun_struct *tun;
	struct tun_struct *detached; /* NULL while it is attached */
	__u16 queue_index;
	struct ptr_ring tx_ring;
};

struct inode {
	__u32 i_rdev;
};

struct file {
	struct inode *f_inode;
	void *private_data;
};

struct kiocb {
	struct file *ki_filp;
};

struct iov_iter;

struct task_struct {
	int tgid;
};

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	__u32 fd;
	struct file *file;
};

#pragma clang attribute pop

#endif
