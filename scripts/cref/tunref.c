// SPDX-License-Identifier: Apache-2.0
//
// tunref: the C program that tunbench is compared with. It sends packets through a TUN
// device by system calls alone (traffic.c), and speaks the protocol by which tunbench ab
// measures two builds by turns (bench/compare/protocol.go), so that
//
//	tunbench ab --base-binary tunref --cpus 0,1 --set size=64
//
// compares the two. An order comes as a JSON object on a line of stdin, and is answered
// by one on stdout:
//
//	build  make the device and the socket of the side that the order describes
//	start  start the threads, which hold: they use no CPU until a turn
//	warm   let packets flow for a while
//	look   nothing: this program does not judge the host
//	turn   let packets flow for a window, and count those that came in it
//	keep   add the counts of a turn to the trial
//	stop   end the traffic
//	trial  the record of the trial, with the account of all packets
//
// probe makes the device only. What tunref cannot measure, it refuses by a fault. It
// needs root and /dev/net/tun.

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tunref.h"

#define TURNS 100000 // most turns of a trial
#define SECOND 1000000000LL

// One window.
struct turn {
	int64_t from, to;          // ns of CLOCK_MONOTONIC
	struct counts first, last; // at its ends
	int64_t spent, stolen;     // CPU time of the host in ns
};

static struct options opt;
static double warmup, window; // ns
// Packets flow for a fifth of a window before it, and for this long at least, as in tunbench.
static const int64_t settle = 8000000; // ns
static struct turn turns[TURNS];
static int n_turns, kept[TURNS], n_kept;
static bool built;

_Noreturn void die(const char *format, ...)
{
	static pthread_mutex_t once = PTHREAD_MUTEX_INITIALIZER;
	char text[512];
	int err = errno;
	va_list args;

	pthread_mutex_lock(&once); // of two threads that fail, one speaks
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (err) {
		size_t n = strlen(text);

		snprintf(text + n, sizeof(text) - n, ": %s", strerror(err));
	}
	fprintf(stderr, "tunref: %s\n", text);
	printf("{\"fault\":{\"reason\":\"failed\",\"detail\":");
	json_print(text);
	printf("}}\n");
	fflush(stdout);
	_exit(2);
}

// Answers an order with what went wrong.
static void refuse(const char *reason, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	printf("{\"fault\":{\"reason\":\"%s\",\"detail\":", reason);
	json_print(text);
	printf("}}\n");
}

static int64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * SECOND + ts.tv_nsec;
}

static void sleep_until(int64_t when)
{
	struct timespec ts = {.tv_sec = when / SECOND, .tv_nsec = when % SECOND};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

// The CPU time of the host since boot, and how much of it was stolen, in ns.
static void host_time(int64_t *total, int64_t *stolen)
{
	uint64_t t[8] = {0}; // user, nice, system, idle, iowait, irq, softirq, steal
	FILE *f = fopen("/proc/stat", "re");

	if (!f || fscanf(f, "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64,
			 &t[0], &t[1], &t[2], &t[3], &t[4], &t[5], &t[6], &t[7]) != 8)
		die("read /proc/stat");
	fclose(f);
	*total = 0;
	for (int i = 0; i < 8; i++)
		*total += (int64_t)t[i] * (SECOND / 100); // USER_HZ is 100
	*stolen = (int64_t)t[7] * (SECOND / 100);
}

// Takes over a value of an axis; false if it is one that tunref cannot measure.
static bool set_axis(const char *name, const char *value)
{
	double n;

	if (json_is(name, "dir")) {
		opt.u2k = json_is(value, "u2k");
		return opt.u2k || json_is(value, "k2u");
	}
	if (json_is(name, "io")) {
		opt.spin = json_is(value, "spin");
		return opt.spin || json_is(value, "read");
	}
	if (json_is(name, "size")) {
		if (!json_number(value, &n) || n < MIN_SIZE || n > MAX_SIZE)
			return false;
		opt.size = (int)n;
		return true;
	}
	return json_is(name, "gen") && json_is(value, "udp");
}

// Reads what to measure; false if it was refused. Of all other axes there is only the
// default of tunbench.
static bool read_side(const char *side)
{
	const char *defaults = json_find(side, "defaults"), *cpus = json_find(side, "cpus");
	const char *axes = json_find(side, "axes"), *name = NULL, *value;
	double cpu[2], rate;

	if (!axes || !defaults || !json_number(json_find(side, "warmup_ns"), &warmup) ||
	    !json_number(json_find(side, "window_ns"), &window))
		return refuse("failed", "the order does not say what to measure"), false;
	opt = (struct options){.size = MIN_SIZE};
	while ((name = json_member(axes, name, &value))) {
		const char *d = NULL;
		int n = (int)(strchr(name + 1, '"') - name - 1);

		if (set_axis(name, value))
			continue;
		do // is it one of the axes at their default?
			d = json_next(defaults, d);
		while (d && strncmp(d, name, (size_t)n + 2));
		if (!d)
			return refuse("unsupported", "tunref does not measure %.*s=%.*s, only dir=k2u and u2k, io=read and spin, and any one size", n,
				      name + 1, (int)strcspn(value + 1, "\""), value + 1),
			       false;
	}
	if (!json_is(json_find(side, "hook"), "none"))
		return refuse("unsupported", "tunref has no observer: choose hook=none"), false;
	if (json_number(json_find(side, "rate_pps"), &rate) && rate > 0)
		return refuse("unsupported", "tunref sends as fast as it can, not at a rate"), false;
	value = NULL;
	for (int i = 0; i < 2; i++)
		if (!cpus || !(value = json_next(cpus, value)) || !json_number(value, &cpu[i]))
			return refuse("failed", "tunref needs two CPUs, that of the sender first: --cpus 0,1"), false;
	opt.sender_cpu = (int)cpu[0], opt.reader_cpu = (int)cpu[1];
	return true;
}

// Measures a window. A part of it passes before, so that caches and the ring fill again
// after the threads were held.
static void take_turn(void)
{
	struct turn *t = &turns[n_turns++];
	int64_t spent, stolen;

	release_threads();
	sleep_until(now() + (window / 5 > settle ? (int64_t)window / 5 : settle));
	host_time(&spent, &stolen);
	t->first = counts_now(false), t->from = now();
	sleep_until(t->from + (int64_t)window);
	t->last = counts_now(false), t->to = now();
	host_time(&t->spent, &t->stolen);
	t->spent -= spent, t->stolen -= stolen;
	hold_threads();
	printf("{\"turn\":{\"rate\":%.9g,\"spent_ns\":%" PRId64 ",\"stolen_ns\":%" PRId64 "}}\n",
	       (double)(t->last.received - t->first.received) / (double)(t->to - t->from), t->spent, t->stolen);
}

// Prints the record of the kept turns, and the account of all packets. tunbench ab
// compares the metrics that both sides have: pps, which the bit rate is proportional to.
// A trial is invalid by the same flags as one of tunbench.
static void print_trial(void)
{
	struct counts all = counts_now(true);
	int64_t ns = 0, spent = 0, stolen = 0, unexplained = (int64_t)(all.sent - all.received - all.dropped);
	uint64_t packets = 0, calls = 0, offered = 0;

	printf("{\"trial\":{\"windows\":[");
	for (int i = 0; i < n_kept; i++) {
		const struct turn *t = &turns[kept[i]];
		uint64_t n = t->last.received - t->first.received;

		ns += t->to - t->from, spent += t->spent, stolen += t->stolen;
		packets += n, offered += t->last.sent - t->first.sent, calls += t->last.calls - t->first.calls;
		printf("%s{\"t_ns\":%" PRId64 ",\"pkts\":%" PRIu64 ",\"bytes\":%" PRIu64 "}", i ? "," : "", ns, n,
		       n * (uint64_t)opt.size);
	}
	double seconds = ns ? (double)ns / SECOND : 1, pps = (double)packets / seconds;

	printf("],\"duration_ns\":%" PRId64 ",\"metrics\":{\"pps\":%.3f,\"bit_per_s\":%.3f,\"offered_pps\":%.3f", ns, pps,
	       8 * opt.size * pps, (double)offered / seconds);
	if (packets)
		printf(",\"syscalls_per_pkt\":%.9g", (double)calls / (double)packets);
	printf("},\"accounting\":{\"offered\":%" PRIu64 ",\"pushed_back\":0,\"accepted\":%" PRIu64 ",\"delivered\":%" PRIu64
	       ",\"dropped\":{\"%s\":%" PRIu64 "},\"unexplained\":%" PRId64 "}",
	       all.sent, all.sent, all.received, opt.u2k ? "SOCKET_RCVBUFF" : "tx_dropped", all.dropped, unexplained);
	printf(",\"cpus\":{\"sender\":[%d],\"reader\":[%d]},\"device\":", opt.sender_cpu, opt.reader_cpu);
	print_device();
	printf(",\"notes\":[\"measured by tunref, a C program\"],\"flags\":[");
	const char *flags[] = {unexplained ? "unexplained" : NULL, packets ? NULL : "no-traffic", stolen * 100 > spent ? "steal" : NULL};
	const char *separator = "";
	for (int i = 0; i < 3; i++)
		if (flags[i])
			printf("%s\"%s\"", separator, flags[i]), separator = ",";
	printf("]}}\n");
}

// Carries out an order, and answers it.
static void carry_out(const char *order)
{
	const char *what = json_find(order, "do");
	bool probe = json_is(what, "probe");
	double n = 0;

	if (probe || json_is(what, "build")) {
		if (built)
			return refuse("failed", "there is a device already");
		if (!read_side(json_find(order, "side")))
			return;
		int fd = open_device(&opt);

		built = !probe;
		if (built)
			open_traffic(&opt, fd);
		else
			close(fd);
	} else if (json_is(what, "run")) {
		return refuse("unsupported", "tunref measures by turns only");
	} else if (!built) {
		return refuse("failed", "no device was built");
	} else if (json_is(what, "start")) {
		start_threads();
	} else if (json_is(what, "warm")) {
		release_threads();
		sleep_until(now() + (int64_t)warmup);
		hold_threads();
	} else if (json_is(what, "turn") && n_turns < TURNS) {
		return take_turn();
	} else if (json_is(what, "keep") && n_kept < TURNS) {
		json_number(json_find(order, "turn"), &n); // left out if 0
		if (n < 0 || n >= n_turns)
			return refuse("failed", "there was no such turn");
		kept[n_kept++] = (int)n;
	} else if (json_is(what, "stop")) {
		stop_sender();
	} else if (json_is(what, "trial")) {
		return print_trial();
	} else if (!json_is(what, "look")) {
		return refuse("failed", "tunref knows no such order");
	}
	printf("{}\n");
}

int main(int argc, char **argv)
{
	char *line = NULL;
	size_t room = 0;

	if (argc != 2 || strcmp(argv[1], "ab-worker")) {
		fputs("usage: tunbench ab --base-binary tunref --cpus SENDER,READER [--set dir=u2k] [--set io=spin] [--set size=BYTES]\n",
		      stderr);
		return 2;
	}
	// Schema 1 is that of the records of tunbench.
	puts("{\"protocol\":\"tunbench-ab\",\"version\":1,\"schema\":1,\"tool\":{\"version\":\"tunref\",\"commit\":\"C\",\"go\":\"\"}}");
	fflush(stdout);
	while (getline(&line, &room, stdin) > 0) {
		carry_out(line);
		fflush(stdout);
	}
	return 0; // ends the threads, and with the last descriptor the device
}
