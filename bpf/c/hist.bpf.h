/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Buckets of the log-linear histogram: 32 sub-buckets an octave. The Go side
 * is package hist; a test compares the two.
 */
#ifndef TUNBENCH_HIST_BPF_H
#define TUNBENCH_HIST_BPF_H

#define HIST_BUCKETS 1024
#define HIST_LIMIT (1ULL << 36)

/* v must be below HIST_LIMIT. BPF has no instruction that counts zeros. */
static __always_inline __u32 hist_index(__u64 v)
{
	__u64 top = v;
	__u32 e = 0;

	if (v < 32)
		return v;
	if (top >> 32) {
		top >>= 32;
		e += 32;
	}
	if (top >> 16) {
		top >>= 16;
		e += 16;
	}
	if (top >> 8) {
		top >>= 8;
		e += 8;
	}
	if (top >> 4) {
		top >>= 4;
		e += 4;
	}
	if (top >> 2) {
		top >>= 2;
		e += 2;
	}
	e += top >> 1;
	return (e - 4) * 32 + ((v >> (e - 5)) & 31);
}

#endif
