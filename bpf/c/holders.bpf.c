//go:build ignore

/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Lists the descriptors of all processes that hold a queue of a TUN/TAP device. Only
 * the kernel knows which queue a descriptor has, and the namespace of the device may
 * be another than that of the process.
 */
#include "kernel.bpf.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#define IFNAMSIZ 16
#define MINOR_BITS 20
#define TUN_DEVICE (10 << MINOR_BITS | 200) /* misc major, TUN_MINOR */

struct holder {
	__u32 pid, fd;
	__u32 ifindex, netns; /* of the device; netns is the inode */
	__u32 queue;	      /* has no meaning if detached */
	__u32 detached;
	char name[IFNAMSIZ]; /* of the device */
};

/* Its type is generated for user space. */
const struct holder *unused __attribute__((unused));

SEC("iter/task_file")
int tun_holders(struct bpf_iter__task_file *ctx)
{
	struct file *file = ctx->file;
	struct task_struct *task = ctx->task;
	struct holder h = {};
	struct net_device *dev;
	struct tun_struct *tun;
	struct tun_file *tfile;

	if (!file || !task || file->f_inode->i_rdev != TUN_DEVICE)
		return 0;
	tfile = file->private_data;
	tun = BPF_CORE_READ(tfile, tun);
	dev = BPF_CORE_READ(tun, dev);
	if (!tun || !dev)
		return 0; /* a descriptor without a device */
	h.pid = task->tgid;
	h.fd = ctx->fd;
	h.ifindex = BPF_CORE_READ(dev, ifindex);
	h.netns = BPF_CORE_READ(dev, nd_net.net, ns.inum);
	h.queue = BPF_CORE_READ(tfile, queue_index);
	h.detached = !!BPF_CORE_READ(tfile, detached);
	BPF_CORE_READ_INTO(&h.name, dev, name);
	bpf_seq_write(ctx->meta->seq, &h, sizeof(h));
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
