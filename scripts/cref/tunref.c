// SPDX-License-Identifier: Apache-2.0
//
// tunref: the C program that tunbench is compared with.
//
// One thread sends UDP packets with sendmmsg, 64 per call, on one connected
// socket; another reads them from the descriptor of a TUN device with one
// queue. With --dir u2k, one thread writes packets to the descriptor and another
// receives them from a socket with recvmmsg. Packets have no time stamps and are
// not checked, so only the cost of the system calls and of the kernel
// remains. The device is in its own network namespace and disappears when the
// process ends.
//
// Device, addresses, qdisc and queue length are the defaults of tunbench, so that
// both programs measure the same path.
//
// Prints one JSON object. Needs root and /dev/net/tun.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define DEVICE "tun0"
#define ADDR "198.18.0.1"
#define NETMASK "255.255.255.0"
#define PEER "198.18.0.2"
#define PORT 9 // discard: nobody answers, the packets end in the reader
#define PEER_PORT 20000 // of what is written
#define TXQLEN 500
#define ROOM (4 << 20) // of the receiver's socket, in bytes
#define BATCH 64
#define HEADERS 28 // IPv4 and UDP
#define MIN_SIZE 64
#define MAX_SIZE 65535
#define MIN_MTU 1500

// A counter has one writer; the sampler only loads it. Each has its own cache
// line, so that the two threads do not pay for each other.
struct counter {
	_Alignas(64) _Atomic uint64_t n;
};

static struct counter sent, received;
static _Atomic bool stop;

static struct options {
	int sender_cpu, reader_cpu;
	double warmup, measure; // seconds
	int size;               // IP length in bytes
	bool spin;
	bool u2k;
} opt = {.sender_cpu = 0, .reader_cpu = 1, .warmup = 0.25, .measure = 1, .size = 64};

static _Noreturn void die(const char *format, ...)
{
	int err = errno;
	va_list args;

	fprintf(stderr, "tunref: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	if (err)
		fprintf(stderr, ": %s", strerror(err));
	fputc('\n', stderr);
	exit(2);
}

static void count(struct counter *c, uint64_t n)
{
	uint64_t v = atomic_load_explicit(&c->n, memory_order_relaxed);

	atomic_store_explicit(&c->n, v + n, memory_order_relaxed);
}

static uint64_t load(struct counter *c)
{
	return atomic_load_explicit(&c->n, memory_order_relaxed);
}

static bool stopped(void)
{
	return atomic_load_explicit(&stop, memory_order_relaxed);
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	errno = pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
	if (errno)
		die("pin a thread to cpu %d", cpu);
}

static int open_device(void)
{
	struct ifreq ifr = {.ifr_flags = IFF_TUN | IFF_NO_PI};
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		die("open /dev/net/tun");
	strncpy(ifr.ifr_name, DEVICE, IFNAMSIZ - 1);
	if (ioctl(fd, TUNSETIFF, &ifr))
		die("create " DEVICE);
	if (opt.spin && fcntl(fd, F_SETFL, O_NONBLOCK))
		die("set " DEVICE " non-blocking");
	return fd;
}

// IPv6 would send router solicitations and multicast listener reports into the
// device, which would be counted as packets of ours.
static void disable_ipv6(void)
{
	int fd = open("/proc/sys/net/ipv6/conf/" DEVICE "/disable_ipv6", O_WRONLY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return; // a kernel without IPv6
	if (fd < 0 || write(fd, "1", 1) != 1)
		die("disable ipv6 on " DEVICE);
	close(fd);
}

// A TUN device comes with the default qdisc of the host. The socket API has no
// call that takes it away, so this one is netlink.
static void set_noqueue(unsigned int ifindex)
{
	struct {
		struct nlmsghdr nh;
		struct tcmsg tc;
		struct rtattr kind;
		char name[sizeof("noqueue")];
	} req = {
		.nh = {.nlmsg_len = sizeof(req),
		       .nlmsg_type = RTM_NEWQDISC,
		       .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE},
		.tc = {.tcm_family = AF_UNSPEC, .tcm_ifindex = (int)ifindex, .tcm_parent = TC_H_ROOT},
		.kind = {.rta_len = RTA_LENGTH(sizeof("noqueue")), .rta_type = TCA_KIND},
		.name = "noqueue",
	};
	struct {
		struct nlmsghdr nh;
		struct nlmsgerr err;
		char rest[256]; // the request, which the kernel sends back with an error
	} ack;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0)
		die("open a netlink socket");
	if (send(fd, &req, sizeof(req), 0) < 0 || recv(fd, &ack, sizeof(ack), 0) < 0)
		die("set qdisc of " DEVICE " to noqueue");
	errno = ack.nh.nlmsg_type == NLMSG_ERROR ? -ack.err.error : EPROTO;
	if (errno)
		die("set qdisc of " DEVICE " to noqueue");
	close(fd);
}

static void set_up(void)
{
	struct ifreq ifr = {0};
	struct sockaddr_in *in = (struct sockaddr_in *)&ifr.ifr_addr;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("open a socket");
	strncpy(ifr.ifr_name, DEVICE, IFNAMSIZ - 1);

	ifr.ifr_mtu = opt.size > MIN_MTU ? opt.size : MIN_MTU;
	if (ioctl(fd, SIOCSIFMTU, &ifr))
		die("set mtu of " DEVICE " to %d", ifr.ifr_mtu);
	ifr.ifr_qlen = TXQLEN;
	if (ioctl(fd, SIOCSIFTXQLEN, &ifr))
		die("set txqlen of " DEVICE);
	in->sin_family = AF_INET;
	inet_pton(AF_INET, ADDR, &in->sin_addr);
	if (ioctl(fd, SIOCSIFADDR, &ifr))
		die("set address of " DEVICE);
	inet_pton(AF_INET, NETMASK, &in->sin_addr);
	if (ioctl(fd, SIOCSIFNETMASK, &ifr))
		die("set netmask of " DEVICE);
	ifr.ifr_flags = IFF_UP | IFF_POINTOPOINT | IFF_NOARP;
	if (ioctl(fd, SIOCSIFFLAGS, &ifr))
		die("bring " DEVICE " up");
	close(fd);
}

static void *send_packets(void *arg)
{
	static char payload[MAX_SIZE];
	struct iovec iov = {.iov_base = payload, .iov_len = (size_t)(opt.size - HEADERS)};
	struct mmsghdr msgs[BATCH];
	int fd = *(int *)arg;

	pin(opt.sender_cpu);
	memset(msgs, 0, sizeof(msgs));
	for (int i = 0; i < BATCH; i++) {
		msgs[i].msg_hdr.msg_iov = &iov;
		msgs[i].msg_hdr.msg_iovlen = 1;
	}
	while (!stopped()) {
		int n = sendmmsg(fd, msgs, BATCH, 0);

		if (n < 0) {
			if (errno == EINTR || errno == ENOBUFS)
				continue;
			die("send to " PEER);
		}
		count(&sent, (uint64_t)n);
	}
	return NULL;
}

static void *read_packets(void *arg)
{
	static char packet[MAX_SIZE];
	int fd = *(int *)arg;

	pin(opt.reader_cpu);
	for (;;) {
		ssize_t n = read(fd, packet, sizeof(packet));

		if (n == opt.size)
			count(&received, 1);
		else if (n >= 0)
			die("read %zd bytes from " DEVICE ", not a packet of %d", n, opt.size);
		else if (errno != EAGAIN && errno != EINTR)
			die("read from " DEVICE);
	}
	return NULL;
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
	unsigned char *udp = b + 20;
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
	put16(udp, PEER_PORT);
	put16(udp + 2, PORT);
	put16(udp + 4, (unsigned int)length);
	put16(udp + 6, ~sum(udp, (size_t)length, sum(b + 12, 8, (uint32_t)(IPPROTO_UDP + length))));
}

static void *write_packets(void *arg)
{
	static unsigned char packet[MAX_SIZE];
	int fd = *(int *)arg;

	pin(opt.sender_cpu);
	make_packet(packet, opt.size);
	while (!stopped()) {
		ssize_t n = write(fd, packet, (size_t)opt.size);

		if (n == opt.size)
			count(&sent, 1);
		else if (n >= 0 || (errno != EAGAIN && errno != EINTR))
			die("write to " DEVICE);
	}
	return NULL;
}

static void *receive_packets(void *arg)
{
	// A line longer than it takes: at a stride of a power of two all would fall
	// on the same set of the cache.
	static char payload[BATCH][MAX_SIZE + 65];
	struct iovec iov[BATCH];
	struct mmsghdr msgs[BATCH];
	int fd = *(int *)arg;

	pin(opt.reader_cpu);
	memset(msgs, 0, sizeof(msgs));
	for (int i = 0; i < BATCH; i++) {
		iov[i].iov_base = payload[i];
		iov[i].iov_len = MAX_SIZE;
		msgs[i].msg_hdr.msg_iov = &iov[i];
		msgs[i].msg_hdr.msg_iovlen = 1;
	}
	for (;;) {
		int n = recvmmsg(fd, msgs, BATCH, MSG_WAITFORONE, NULL);

		if (n > 0)
			count(&received, (uint64_t)n);
		else if (n < 0 && errno != EINTR)
			die("receive");
	}
	return NULL;
}

static int open_receiver(void)
{
	struct sockaddr_in local = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	int room = ROOM;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, ADDR, &local.sin_addr);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) ||
	    bind(fd, (struct sockaddr *)&local, sizeof(local)))
		die("bind to " ADDR);
	return fd;
}

// What did not fit into the receiver's socket.
static uint64_t overruns(int fd)
{
	uint32_t mem[16] = {0}; // SK_MEMINFO_DROPS of linux/sock_diag.h is the ninth
	socklen_t len = sizeof(mem);

	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, mem, &len))
		die("getsockopt SO_MEMINFO");
	return mem[8];
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static void pause_for(double seconds)
{
	struct timespec ts = {.tv_sec = (time_t)seconds};

	ts.tv_nsec = (long)((seconds - (double)ts.tv_sec) * 1e9);
	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, &ts) == EINTR)
		;
}

// The device's own count of packets that found the ring full.
static uint64_t tx_dropped(void)
{
	char line[512];
	uint64_t drops = 0;
	bool found = false;
	FILE *f = fopen("/proc/self/net/dev", "re");

	if (!f)
		die("open /proc/self/net/dev");
	while (fgets(line, sizeof(line), f)) {
		char *colon = strstr(line, DEVICE ":");

		// Eight fields of the receive side, then bytes, packets, errs, drop.
		if (colon && sscanf(colon + sizeof(DEVICE),
				    "%*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %" SCNu64, &drops) == 1)
			found = true;
	}
	fclose(f);
	errno = 0;
	if (!found)
		die("find " DEVICE " in /proc/self/net/dev");
	return drops;
}

static double seconds(const char *name, const char *text)
{
	char *end;
	double v = strtod(text, &end);

	errno = 0;
	if (end == text || *end || !(v >= 0 && v <= 3600))
		die("--%s %s: choose 0 to 3600 seconds", name, text);
	return v;
}

static void parse(int argc, char **argv)
{
	static const struct option longs[] = {
		{"cpus", required_argument, NULL, 'c'},   {"measure", required_argument, NULL, 'm'},
		{"warmup", required_argument, NULL, 'w'}, {"size", required_argument, NULL, 's'},
		{"io", required_argument, NULL, 'i'},     {"dir", required_argument, NULL, 'd'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	char rest;
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		errno = 0;
		switch (c) {
		case 'c':
			if (sscanf(optarg, "%d,%d%c", &opt.sender_cpu, &opt.reader_cpu, &rest) != 2 ||
			    opt.sender_cpu < 0 || opt.reader_cpu < 0 || opt.sender_cpu >= CPU_SETSIZE ||
			    opt.reader_cpu >= CPU_SETSIZE)
				die("--cpus %s: give the sender's and the reader's CPU, as 0,1", optarg);
			break;
		case 'm':
			opt.measure = seconds("measure", optarg);
			if (opt.measure == 0)
				die("--measure %s: choose more than 0 seconds", optarg);
			break;
		case 'w':
			opt.warmup = seconds("warmup", optarg);
			break;
		case 's':
			if (sscanf(optarg, "%d%c", &opt.size, &rest) != 1 || opt.size < MIN_SIZE || opt.size > MAX_SIZE)
				die("--size %s: choose %d to %d bytes of IP length", optarg, MIN_SIZE, MAX_SIZE);
			break;
		case 'i':
			if (strcmp(optarg, "read") && strcmp(optarg, "spin"))
				die("--io %s: choose read or spin", optarg);
			opt.spin = !strcmp(optarg, "spin");
			break;
		case 'd':
			if (strcmp(optarg, "k2u") && strcmp(optarg, "u2k"))
				die("--dir %s: choose k2u or u2k", optarg);
			opt.u2k = !strcmp(optarg, "u2k");
			break;
		case 'h':
			puts("usage: tunref [--cpus SENDER,READER] [--measure S] [--warmup S] [--size BYTES] [--io read|spin] [--dir k2u|u2k]");
			exit(0);
		default:
			exit(2);
		}
	}
	errno = 0;
	if (optind < argc)
		die("%s: no arguments are expected", argv[optind]);
}

int main(int argc, char **argv)
{
	struct sockaddr_in local = {.sin_family = AF_INET};
	struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	pthread_t sender, reader;
	uint64_t sent0, sent1, read0, read1;
	double t0, t1;
	int tun, udp;

	parse(argc, argv);
	if (unshare(CLONE_NEWNET))
		die("create a network namespace");
	tun = open_device();
	disable_ipv6();
	set_noqueue(if_nametoindex(DEVICE));
	set_up();

	if (opt.u2k) {
		udp = open_receiver();
		errno = pthread_create(&reader, NULL, receive_packets, &udp);
		if (!errno)
			errno = pthread_create(&sender, NULL, write_packets, &tun);
	} else {
		inet_pton(AF_INET, ADDR, &local.sin_addr);
		inet_pton(AF_INET, PEER, &peer.sin_addr);
		udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (udp < 0 || bind(udp, (struct sockaddr *)&local, sizeof(local)) ||
		    connect(udp, (struct sockaddr *)&peer, sizeof(peer)))
			die("connect to " PEER);
		errno = pthread_create(&reader, NULL, read_packets, &tun);
		if (!errno)
			errno = pthread_create(&sender, NULL, send_packets, &udp);
	}
	if (errno)
		die("start a thread");
	pause_for(opt.warmup);
	t0 = now(), sent0 = load(&sent), read0 = load(&received);
	pause_for(opt.measure);
	t1 = now(), sent1 = load(&sent), read1 = load(&received);
	atomic_store(&stop, true);
	pthread_join(sender, NULL);
	pause_for(0.05); // the reader drains what is left: TXQLEN packets, or what the socket holds

	uint64_t accepted = load(&sent), delivered = load(&received), dropped = opt.u2k ? overruns(udp) : tx_dropped();

	printf("{\"pps\":%.0f,\"sent_pps\":%.0f,\"duration_ns\":%.0f,\"sent\":%" PRIu64 ",\"read\":%" PRIu64
	       ",\"dropped\":%" PRIu64 ",\"unexplained\":%" PRId64 "}\n",
	       (double)(read1 - read0) / (t1 - t0), (double)(sent1 - sent0) / (t1 - t0), (t1 - t0) * 1e9, accepted,
	       delivered, dropped, (int64_t)(accepted - delivered - dropped));
	return 0; // ends the reader, which may be blocked, and with it the device
}
