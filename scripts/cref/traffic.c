// SPDX-License-Identifier: Apache-2.0
//
// The two threads of tunref, and nothing that both directions do not need: the system
// calls, their counters, and a look at one flag between calls.
//
// One thread sends UDP packets with sendmmsg, 64 per call, on one connected socket;
// the other reads them from the device. The other way, one thread writes packets to the
// device, and the other receives them from a socket with recvmmsg, at most 64 per call.
// Packets have no time stamps and are not checked, so only the cost of the system calls
// and of the kernel remains.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "tunref.h"

#define ROOM (4 << 20) // of the receiver's socket, in bytes
#define BATCH 64
#define HEADERS 28 // IPv4 and UDP
#define LINE 64    // of the cache
#define PATIENCE 5 // seconds until packets that do not arrive are an error

static const struct options *opt;
static int tun, udp;
static pthread_t sender, receiver;

// A counter has one writer; the main thread only loads it. Each thread's are on cache
// lines of their own, so that the threads do not pay for each other.
static struct counters {
	_Alignas(2 * LINE) _Atomic uint64_t packets;
	_Atomic uint64_t calls;
} sent, received;

// Each thread looks at its gate between calls, and sleeps while it is told to hold.
enum order { RUN, HOLD, STOP };
struct gate {
	_Alignas(2 * LINE) _Atomic int order;
	_Atomic bool held; // the thread sleeps
};
static struct gate sender_gate = {.order = HOLD}, receiver_gate = {.order = RUN};
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; // guards changes of order
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static void count(struct counters *c, uint64_t packets)
{
	// No lock prefix: nobody else writes.
	atomic_store_explicit(&c->packets, atomic_load_explicit(&c->packets, memory_order_relaxed) + packets,
			      memory_order_relaxed);
	atomic_store_explicit(&c->calls, atomic_load_explicit(&c->calls, memory_order_relaxed) + 1,
			      memory_order_relaxed);
}

// Whether to go on, after a sleep if the thread is to hold.
static bool pass(struct gate *g)
{
	if (atomic_load_explicit(&g->order, memory_order_relaxed) == RUN)
		return true;
	pthread_mutex_lock(&lock);
	g->held = true;
	while (g->order == HOLD)
		pthread_cond_wait(&changed, &lock);
	g->held = false;
	pthread_mutex_unlock(&lock);
	return g->order != STOP;
}

static void set(struct gate *g, enum order order)
{
	pthread_mutex_lock(&lock);
	g->order = order;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static void pin(int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET((size_t)cpu, &cpus);
	errno = pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus);
	if (errno)
		die("pin a thread to cpu %d", cpu);
}

static void *send_packets(void *unused)
{
	static char payload[MAX_SIZE];
	struct iovec iov = {.iov_base = payload, .iov_len = (size_t)(opt->size - HEADERS)};
	struct mmsghdr msgs[BATCH];

	(void)unused;
	pin(opt->sender_cpu);
	memset(msgs, 0, sizeof(msgs));
	for (int i = 0; i < BATCH; i++) {
		msgs[i].msg_hdr.msg_iov = &iov;
		msgs[i].msg_hdr.msg_iovlen = 1;
	}
	while (pass(&sender_gate)) {
		int n = sendmmsg(udp, msgs, BATCH, 0);

		if (n < 0 && errno != EINTR && errno != ENOBUFS)
			die("send to " PEER);
		count(&sent, n > 0 ? (uint64_t)n : 0);
	}
	return NULL;
}

static void *read_packets(void *unused)
{
	static char packet[MAX_SIZE];

	(void)unused;
	pin(opt->reader_cpu);
	for (;;) {
		ssize_t n = read(tun, packet, sizeof(packet));

		if (n == opt->size) {
			count(&received, 1);
			continue;
		}
		if (n >= 0) {
			errno = 0;
			die("read %zd bytes from " DEVICE ", not a packet of %d", n, opt->size);
		}
		if (errno != EAGAIN && errno != EINTR)
			die("read from " DEVICE);
		count(&received, 0);
		pass(&receiver_gate);
	}
}

static void put16(unsigned char *at, unsigned int v)
{
	at[0] = (unsigned char)(v >> 8);
	at[1] = (unsigned char)v;
}

static uint32_t sum(const unsigned char *b, size_t n, uint32_t s)
{
	for (size_t i = 0; i + 1 < n; i += 2)
		s += (uint32_t)(b[i] << 8 | b[i + 1]);
	if (n % 2)
		s += (uint32_t)b[n - 1] << 8;
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return s;
}

// A datagram from PEER to ADDR with its checksums.
static void make_packet(unsigned char *b, int size)
{
	unsigned char *header = b + 20;
	int length = size - 20;

	memset(b, 0, (size_t)size);
	b[0] = 0x45;
	put16(b + 2, (unsigned int)size);
	b[6] = 0x40; // do not fragment
	b[8] = 64;
	b[9] = IPPROTO_UDP;
	inet_pton(AF_INET, PEER, b + 12);
	inet_pton(AF_INET, ADDR, b + 16);
	put16(b + 10, ~sum(b, 20, 0));
	put16(header, PEER_PORT);
	put16(header + 2, PORT);
	put16(header + 4, (unsigned int)length);
	put16(header + 6, ~sum(header, (size_t)length, sum(b + 12, 8, (uint32_t)(IPPROTO_UDP + length))));
}

static void *write_packets(void *unused)
{
	static unsigned char packet[MAX_SIZE];

	(void)unused;
	pin(opt->sender_cpu);
	make_packet(packet, opt->size);
	while (pass(&sender_gate)) {
		ssize_t n = write(tun, packet, (size_t)opt->size);

		if (n != opt->size && (n >= 0 || (errno != EAGAIN && errno != EINTR)))
			die("write to " DEVICE);
		count(&sent, n > 0);
	}
	return NULL;
}

static void *receive_packets(void *unused)
{
	// A line longer than they take: at a stride of a power of two all would fall on
	// the same set of the cache.
	static char payload[BATCH * (MAX_SIZE + LINE)];
	size_t stride = (size_t)(opt->size > MIN_MTU ? opt->size : MIN_MTU) / LINE * LINE + 2 * LINE;
	struct iovec iov[BATCH];
	struct mmsghdr msgs[BATCH];

	(void)unused;
	pin(opt->reader_cpu);
	if (stride > MAX_SIZE + LINE)
		stride = MAX_SIZE + LINE;
	memset(msgs, 0, sizeof(msgs));
	for (int i = 0; i < BATCH; i++) {
		iov[i].iov_base = payload + (size_t)i * stride;
		iov[i].iov_len = stride;
		msgs[i].msg_hdr.msg_iov = &iov[i];
		msgs[i].msg_hdr.msg_iovlen = 1;
	}
	for (;;) {
		int n = recvmmsg(udp, msgs, BATCH, MSG_WAITFORONE, NULL);

		if (n < 0 && errno != EINTR)
			die("receive");
		count(&received, n > 0 ? (uint64_t)n : 0);
	}
	return NULL;
}

void open_traffic(const struct options *o, int device)
{
	struct sockaddr_in local = {.sin_family = AF_INET};
	struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	int room = ROOM;

	opt = o, tun = device;
	inet_pton(AF_INET, ADDR, &local.sin_addr);
	inet_pton(AF_INET, PEER, &peer.sin_addr);
	udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (opt->u2k) {
		local.sin_port = htons(PORT);
		if (udp < 0 || setsockopt(udp, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) ||
		    bind(udp, (struct sockaddr *)&local, sizeof(local)))
			die("bind to " ADDR);
	} else if (udp < 0 || bind(udp, (struct sockaddr *)&local, sizeof(local)) ||
		   connect(udp, (struct sockaddr *)&peer, sizeof(peer))) {
		die("connect to " PEER);
	}
}

void start_threads(void)
{
	errno = pthread_create(&receiver, NULL, opt->u2k ? receive_packets : read_packets, NULL);
	if (!errno)
		errno = pthread_create(&sender, NULL, opt->u2k ? write_packets : send_packets, NULL);
	if (errno)
		die("start a thread");
}

void release_threads(void)
{
	set(&receiver_gate, RUN);
	set(&sender_gate, RUN);
}

// What did not fit into the receiver's socket.
static uint64_t overruns(void)
{
	uint32_t mem[16] = {0}; // SK_MEMINFO_DROPS of linux/sock_diag.h is the ninth
	socklen_t len = sizeof(mem);

	if (getsockopt(udp, SOL_SOCKET, SO_MEMINFO, mem, &len))
		die("getsockopt SO_MEMINFO");
	return mem[8];
}

struct counts counts_now(bool with_dropped)
{
	struct counts c = {
		.received = atomic_load_explicit(&received.packets, memory_order_relaxed),
		.sent = atomic_load_explicit(&sent.packets, memory_order_relaxed),
		.calls = atomic_load_explicit(&sent.calls, memory_order_relaxed) +
			 atomic_load_explicit(&received.calls, memory_order_relaxed),
	};

	if (with_dropped)
		c.dropped = opt->u2k ? overruns() : device_dropped();
	return c;
}

static bool on_its_way(void)
{
	struct counts c = counts_now(true);

	return c.sent > c.received + c.dropped;
}

// Waits until a condition no longer holds.
static void await(bool (*holds)(void), const char *what)
{
	struct timespec nap = {.tv_nsec = 50 * 1000};

	for (int i = 0; holds(); i++) {
		errno = 0;
		if (i > PATIENCE * 1000000 / 50)
			die("waited in vain for %s", what);
		clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, NULL);
	}
}

static bool sending(void)
{
	return !sender_gate.held;
}

static bool reading(void)
{
	return !receiver_gate.held;
}

// The sender first, so that the receiver takes what is on its way. A receiver whose call
// waits then uses no CPU; one that does not is held, too.
void hold_threads(void)
{
	set(&sender_gate, HOLD);
	await(sending, "the sender to pause");
	await(on_its_way, "packets to arrive");
	if (opt->spin && !opt->u2k) {
		set(&receiver_gate, HOLD);
		await(reading, "the reader to pause");
	}
}

// The receiver ends with the process: it may wait in its call.
void stop_sender(void)
{
	set(&sender_gate, STOP);
	pthread_join(sender, NULL);
	set(&receiver_gate, RUN);
	await(on_its_way, "packets to arrive");
}
