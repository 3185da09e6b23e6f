//go:build ignore

/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Samples stacks: runs at each overflow of a perf event of a CPU, sorts the sample by
 * what was interrupted, and passes on the stacks of those that belong to the trial.
 *
 * Stacks go through a ring buffer, which user space empties between windows, and not
 * into a map of stacks: that one finds a stack by a hash of its addresses, and loses
 * those whose place is taken. The innermost address differs from sample to sample, so
 * that there are about as many stacks as samples.
 *
 * It reads no type of the kernel, and so needs no BTF. Its parameter, struct
 * bpf_perf_event_data, differs between architectures, and is only passed on.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

/* What was interrupted. */
enum {
	SAMPLE_TASK,	/* a thread of the trial's processes */
	SAMPLE_SOFTIRQ, /* a softirq, on the trial's CPUs, while another task or none ran */
	SAMPLE_WORKER,	/* a thread of the kernel in code of the trial's path */
	SAMPLE_IDLE,	/* nothing, on the trial's CPUs */
	SAMPLE_OTHER,	/* another task on the trial's CPUs */
	SAMPLE_LOST,	/* one of the first three, for which there was no room */
	SAMPLE_KINDS,
};

struct sample {
	__u32 kind;
	__u32 tgid;
	__u32 kernel, user; /* number of addresses of each, in this order, innermost first */
	__u64 ip[160];
};

/* At most that many bytes of addresses: 96 of the kernel and 32 of the user. */
#define KERNEL_BYTES 768
#define USER_BYTES 256
#define HEAD_BYTES 16

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 << 20);
} ring SEC(".maps");

/* A sample is too large for the stack, and is never interrupted by another. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sample);
} scratch SEC(".maps");

/*
 * Of a trial whose time is virtual, most samples are only counted, by the innermost
 * address: to take a whole stack costs more instructions than a packet does.
 */
struct leaf {
	__u32 tgid, unused;
	__u64 ip;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 15);
	__type(key, struct leaf);
	__type(value, __u64);
} leaves SEC(".maps");

/* Of so many samples of the trial's processes, one has its whole stack; a power of two. */
const volatile __u32 stack_each = 1;

/*
 * After such a sample, the CPU waits for up to so many turns of a loop, as chance decides.
 * Where time is virtual, samples would else keep in step with the loop that is sampled,
 * and always or never hit a function. One less than a power of two, at most MOST_TURNS.
 */
const volatile __u32 wait_turns;
#define MOST_TURNS 1023

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SAMPLE_KINDS);
	__type(key, __u32);
	__type(value, __u64);
} sampled SEC(".maps");

/* The processes of the trial. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __u32);
} processes SEC(".maps");

/* Its CPUs: not 0. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __u32);
} pinned SEC(".maps");

/* Code that shows in a stack what a sample is; end is behind it. */
struct code_range {
	__u64 begin, end;
	__u64 kind; /* SAMPLE_SOFTIRQ or SAMPLE_WORKER */
};

#define RANGES 4
const volatile struct code_range ranges[RANGES];

/* The namespace in which the trial's processes have their numbers. */
const volatile __u64 pid_device, pid_inode;

/* The process that runs, by its number in that namespace; 0 if it is in another one. */
static __always_inline __u32 current_process(void)
{
	struct bpf_pidns_info ids = {};

	if (bpf_get_ns_current_pid_tgid(pid_device, pid_inode, &ids, sizeof(ids)))
		return 0;
	return ids.tgid;
}

static __always_inline void count(__u32 kind)
{
	__u64 *n = bpf_map_lookup_elem(&sampled, &kind);

	if (n)
		(*n)++;
}

/* What a stack shows; SAMPLE_OTHER if it is in none of the ranges. */
static __always_inline __u32 kind_of(const struct sample *s, __u64 bytes)
{
	for (__u32 i = 0; i < KERNEL_BYTES / 8 && i * 8 < bytes; i++)
		for (__u32 k = 0; k < RANGES; k++)
			if (s->ip[i] >= ranges[k].begin && s->ip[i] < ranges[k].end)
				return ranges[k].kind;
	return SAMPLE_OTHER;
}

/* Counts what was interrupted by its address alone; fails if there is no room. */
static __always_inline int count_leaf(void *ctx, __u32 tgid)
{
	struct leaf key = { .tgid = tgid };
	__u64 one = 1, *n;

	if (bpf_get_stack(ctx, &key.ip, sizeof(key.ip), 0) <= 0 &&
	    bpf_get_stack(ctx, &key.ip, sizeof(key.ip), BPF_F_USER_STACK) <= 0)
		return -1;
	n = bpf_map_lookup_elem(&leaves, &key);
	if (!n) {
		if (!bpf_map_update_elem(&leaves, &key, &one, BPF_NOEXIST))
			return 0;
		n = bpf_map_lookup_elem(&leaves, &key); /* another CPU was first */
		if (!n)
			return -1;
	}
	__sync_fetch_and_add(n, 1);
	return 0;
}

/* Passes on a whole stack; fails if there is no room. */
static __always_inline int pass_on(struct sample *s, void *ctx, __u32 tgid, __u64 kernel)
{
	__u64 user = 0;
	long got;

	if (s->kind == SAMPLE_TASK) {
		got = bpf_get_stack(ctx, (void *)s->ip + kernel, USER_BYTES, BPF_F_USER_STACK);
		if (got > 0)
			user = got & 511;
	}
	s->tgid = tgid;
	s->kernel = kernel / 8;
	s->user = user / 8;
	return bpf_ringbuf_output(&ring, s, HEAD_BYTES + ((kernel + user) & 2047), BPF_RB_NO_WAKEUP);
}

/* Returns whether a process of the trial was interrupted. */
static __always_inline int sample(void *ctx)
{
	__u32 zero = 0, cpu = bpf_get_smp_processor_id();
	__u32 tgid = current_process();
	__u32 *on = bpf_map_lookup_elem(&pinned, &cpu);
	int own = tgid && bpf_map_lookup_elem(&processes, &tgid);
	struct sample *s = bpf_map_lookup_elem(&scratch, &zero);
	__u64 kernel = 0;
	long got;

	if (!s || (!own && !(on && *on)))
		return 0;
	if (own && (bpf_get_prandom_u32() & (stack_each - 1))) {
		count(count_leaf(ctx, tgid) ? SAMPLE_LOST : SAMPLE_TASK);
		return 1;
	}
	got = bpf_get_stack(ctx, s->ip, KERNEL_BYTES, 0);
	if (got > 0) /* it is negative where no kernel code was interrupted */
		kernel = got & 1023;
	s->kind = own ? SAMPLE_TASK : kind_of(s, kernel);
	if (s->kind == SAMPLE_OTHER)
		count(bpf_get_current_pid_tgid() ? SAMPLE_OTHER : SAMPLE_IDLE);
	else
		count(pass_on(s, ctx, tgid, kernel) ? SAMPLE_LOST : s->kind);
	return own;
}

SEC("perf_event")
int sample_stack(void *ctx)
{
	__u32 turns = wait_turns & MOST_TURNS;

	if (!sample(ctx) || !turns)
		return 0;
	turns &= bpf_get_prandom_u32();
	for (__u32 i = 0; i < MOST_TURNS && i < turns; i++)
		asm volatile("" : "+r"(i));
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
