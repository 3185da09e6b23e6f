/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Notes that pass the queue of a call from its kprobe to its kretprobe.
 */
#ifndef TUNBENCH_NOTE_BPF_H
#define TUNBENCH_NOTE_BPF_H

#include "counters.bpf.h"

#define TASKS 4096

/*
 * The notes of calls that have not returned: (task, CPU, queue + 1), direct-mapped
 * by task. Only kretprobes need them; fexit has the arguments. User space counts the
 * notes that are left at the end.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, TASKS);
	__type(key, __u32);
	__type(value, __u64);
} xmit_tasks SEC(".maps"), read_tasks SEC(".maps"), write_tasks SEC(".maps");

/*
 * A task that enters a probed function leaves a note for its return. While it
 * transmits it stays on its CPU, and idle CPUs share task 0: the CPU is part of
 * the note. A task that reads or writes may sleep and wake up on another CPU: in its
 * note the CPU is 0.
 */
static __always_inline __u64 note_of(__u32 cpu)
{
	return (__u64)(__u32)bpf_get_current_pid_tgid() << 32 | (__u64)(__u16)cpu << 16;
}

/*
 * A note that is still in the slot is that of a call whose return was not seen: the
 * kernel has a fixed number of kretprobe instances for each function
 * (register_kretprobe() of kernel/kprobes.c), tasks that sleep in the function hold
 * them, and the returns of further calls are not seen. So each lost return is
 * counted once: here, or as a note that is left at the end.
 */
static __always_inline void leave_note(void *tasks, __u32 cpu, __u32 queue, const enum call call)
{
	__u64 note = note_of(cpu);
	__u32 slot = ((note >> 32) + cpu) & (TASKS - 1);
	__u64 *kept = bpf_map_lookup_elem(tasks, &slot);
	struct cpu_counters *c;

	if (!kept)
		return;
	if (*(volatile __u64 *)kept && (c = this_cpu()))
		c->lost[call]++;
	*(volatile __u64 *)kept = note | (__u16)(queue + 1);
}

/* Returns the queue + 1, or 0 if the task left no note. */
static __always_inline __u32 take_note(void *tasks, __u32 cpu)
{
	__u64 note = note_of(cpu), word;
	__u32 slot = ((note >> 32) + cpu) & (TASKS - 1);
	__u64 *kept = bpf_map_lookup_elem(tasks, &slot);

	if (!kept)
		return 0;
	word = *(volatile __u64 *)kept;
	if (word >> 16 != note >> 16)
		return 0;
	*(volatile __u64 *)kept = 0;
	return word & 0xffff;
}

#endif
