// SPDX-License-Identifier: Apache-2.0
//
// The device of tunref: a TUN device with one queue, set up as tunbench does by
// default, so that both programs measure the same path. It is in a network namespace
// of its own and disappears when its descriptor is closed or the process ends.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/ethtool.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tunref.h"

static int tun = -1;
static int control = -1; // a socket in the namespace, for ioctls

static void interface_ioctl(unsigned long request, struct ifreq *ifr, const char *what)
{
	memcpy(ifr->ifr_name, DEVICE, sizeof(DEVICE));
	if (ioctl(control, request, ifr))
		die("%s of " DEVICE, what);
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

// Sends a netlink request and receives its answer, of which there is one.
static size_t route(const void *request, size_t length, void *answer, size_t room, const char *what)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	ssize_t n = -1;

	if (fd >= 0 && send(fd, request, length, 0) >= 0)
		n = recv(fd, answer, room, 0);
	if (n < 0)
		die("%s of " DEVICE, what);
	close(fd);
	return (size_t)n;
}

// A TUN device comes with the default qdisc of the host. The socket API has no
// call that takes it away, so this one is netlink.
static void set_noqueue(void)
{
	struct {
		struct nlmsghdr nh;
		struct tcmsg tc;
		struct rtattr kind;
		char name[sizeof("noqueue")];
	} request = {
		.nh = {.nlmsg_len = sizeof(request),
		       .nlmsg_type = RTM_NEWQDISC,
		       .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE},
		.tc = {.tcm_family = AF_UNSPEC, .tcm_ifindex = (int)if_nametoindex(DEVICE), .tcm_parent = TC_H_ROOT},
		.kind = {.rta_len = RTA_LENGTH(sizeof("noqueue")), .rta_type = TCA_KIND},
		.name = "noqueue",
	};
	struct {
		struct nlmsghdr nh;
		struct nlmsgerr err;
		char rest[256]; // the request, which the kernel sends back with an error
	} ack;

	route(&request, sizeof(request), &ack, sizeof(ack), "set the qdisc");
	errno = ack.nh.nlmsg_type == NLMSG_ERROR ? -ack.err.error : EPROTO;
	if (errno)
		die("set the qdisc of " DEVICE " to noqueue");
}

int open_device(const struct options *opt)
{
	struct ifreq ifr = {.ifr_flags = IFF_TUN | IFF_NO_PI};
	struct sockaddr_in *in = (struct sockaddr_in *)&ifr.ifr_addr;

	if (unshare(CLONE_NEWNET))
		die("create a network namespace");
	if ((control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) < 0)
		die("open a socket");
	if ((tun = open("/dev/net/tun", O_RDWR | O_CLOEXEC)) < 0)
		die("open /dev/net/tun");
	memcpy(ifr.ifr_name, DEVICE, sizeof(DEVICE));
	if (ioctl(tun, TUNSETIFF, &ifr))
		die("create " DEVICE);
	if (opt->spin && fcntl(tun, F_SETFL, O_NONBLOCK))
		die("set " DEVICE " non-blocking");
	disable_ipv6();
	set_noqueue();

	ifr.ifr_mtu = opt->size > MIN_MTU ? opt->size : MIN_MTU;
	interface_ioctl(SIOCSIFMTU, &ifr, "set the MTU");
	ifr.ifr_qlen = TXQLEN;
	interface_ioctl(SIOCSIFTXQLEN, &ifr, "set the txqlen");
	in->sin_family = AF_INET;
	inet_pton(AF_INET, ADDR, &in->sin_addr);
	interface_ioctl(SIOCSIFADDR, &ifr, "set the address");
	inet_pton(AF_INET, NETMASK, &in->sin_addr);
	interface_ioctl(SIOCSIFNETMASK, &ifr, "set the netmask");
	ifr.ifr_flags = IFF_UP | IFF_POINTOPOINT | IFF_NOARP;
	interface_ioctl(SIOCSIFFLAGS, &ifr, "set the flags");
	return tun;
}

uint64_t device_dropped(void)
{
	char line[512];
	uint64_t drops = 0;
	bool found = false;
	FILE *f = fopen("/proc/thread-self/net/dev", "re");

	if (!f)
		die("open /proc/thread-self/net/dev");
	while (fgets(line, sizeof(line), f)) {
		char *colon = strstr(line, DEVICE ":");

		// Eight fields of what it received, then bytes, packets, errs, drop.
		if (colon && sscanf(colon + sizeof(DEVICE),
				    "%*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %" SCNu64, &drops) == 1)
			found = true;
	}
	fclose(f);
	errno = 0;
	if (!found)
		die("find " DEVICE " in /proc/thread-self/net/dev");
	return drops;
}

// Prints what the kernel made of qdisc, queue length and MTU.
static void print_link(void)
{
	struct {
		struct nlmsghdr nh;
		struct ifinfomsg info;
	} request = {
		.nh = {.nlmsg_len = sizeof(request), .nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_REQUEST},
		.info = {.ifi_index = (int)if_nametoindex(DEVICE)},
	};
	_Alignas(struct nlmsghdr) static char answer[16384];
	struct nlmsghdr *nh = (struct nlmsghdr *)answer;
	struct ifinfomsg *info = NLMSG_DATA(nh);

	route(&request, sizeof(request), answer, sizeof(answer), "read the state");
	if (nh->nlmsg_type != RTM_NEWLINK)
		die("read the state of " DEVICE);
	int rest = (int)IFLA_PAYLOAD(nh);
	for (struct rtattr *a = IFLA_RTA(info); RTA_OK(a, rest); a = RTA_NEXT(a, rest)) {
		if (a->rta_type == IFLA_QDISC) {
			printf(",\"qdisc\":");
			json_print(RTA_DATA(a));
		}
		if (a->rta_type == IFLA_TXQLEN)
			printf(",\"txqlen\":%" PRIu32, *(uint32_t *)RTA_DATA(a));
		if (a->rta_type == IFLA_MTU)
			printf(",\"mtu\":%" PRIu32, *(uint32_t *)RTA_DATA(a));
	}
}

static void ethtool(void *command, const char *what)
{
	struct ifreq ifr = {.ifr_data = command};

	interface_ioctl(SIOCETHTOOL, &ifr, what);
}

// Prints the names of the features that are active, as ethtool -k knows them.
static void print_features(void)
{
	struct {
		struct ethtool_sset_info info;
		uint32_t count;
	} set = {.info = {.cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1 << ETH_SS_FEATURES}};
	const char *separator = "";

	ethtool(&set, "count the features");
	uint32_t blocks = (set.count + 31) / 32;
	struct ethtool_gstrings *names = calloc(1, sizeof(*names) + set.count * ETH_GSTRING_LEN + 1);
	struct ethtool_gfeatures *on = calloc(1, sizeof(*on) + blocks * sizeof(on->features[0]));

	if (!names || !on)
		die("make room for the features");
	names->cmd = ETHTOOL_GSTRINGS, names->string_set = ETH_SS_FEATURES, names->len = set.count;
	ethtool(names, "name the features");
	on->cmd = ETHTOOL_GFEATURES, on->size = blocks;
	ethtool(on, "read the features");
	printf(",\"offloads\":[");
	for (uint32_t i = 0; i < set.count; i++) {
		const char *name = (const char *)names->data + i * ETH_GSTRING_LEN;

		if (!*name || !(on->features[i / 32].active >> i % 32 & 1))
			continue;
		printf("%s\"%.*s\"", separator, ETH_GSTRING_LEN, name);
		separator = ",";
	}
	printf("]");
	free(names);
	free(on);
}

void print_device(void)
{
	struct ifreq ifr = {0};
	int room;

	if (ioctl(tun, TUNGETIFF, &ifr) || ioctl(tun, TUNGETSNDBUF, &room))
		die("read the state of " DEVICE);
	printf("{\"name\":\"" DEVICE "\",\"flags\":[\"%s\"%s],\"vnet_hdr_sz\":0,\"sndbuf\":%d",
	       ifr.ifr_flags & IFF_TUN ? "IFF_TUN" : "IFF_TAP", ifr.ifr_flags & IFF_NO_PI ? ",\"IFF_NO_PI\"" : "", room);
	print_link();
	print_features();
	printf("}");
}
