// SPDX-License-Identifier: Apache-2.0
//
// What the files of tunref share: see tunref.c for what the program is.

#ifndef TUNREF_H
#define TUNREF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DEVICE "tun0"
#define ADDR "198.18.0.1" // of the device
#define NETMASK "255.255.255.0"
#define PEER "198.18.0.2" // the host behind it, which does not exist
#define PORT 9            // discard: nobody answers
#define PEER_PORT 20000   // of what is written
#define TXQLEN 500
#define MIN_MTU 1500
#define MIN_SIZE 64
#define MAX_SIZE 65535

// What to measure.
struct options {
	int sender_cpu, reader_cpu;
	int size;  // IP length in bytes
	bool spin; // the device's descriptor does not block
	bool u2k;  // from user space to the kernel, else the other way
};

// tunref.c: ends the program, and the order that is being carried out, with a message.
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

// device.c: the device, in a network namespace of its own.
int open_device(const struct options *opt); // its descriptor
uint64_t device_dropped(void);              // packets that found the ring full
void print_device(void);                    // as the device of a trial, read back from the kernel

// traffic.c: the two threads.
void open_traffic(const struct options *opt, int device);
void start_threads(void);   // which hold
void release_threads(void);
void hold_threads(void);    // returns when they use no CPU and no packet is on its way
void stop_sender(void);     // returns when no packet is on its way

// How much was done so far.
struct counts {
	uint64_t sent, received; // packets that the kernel took, and that came
	uint64_t calls;          // system calls of both threads
	uint64_t dropped;        // packets that the kernel says it dropped
};

// Drops are read by a system call of some microseconds, and only if asked for.
struct counts counts_now(bool with_dropped);

// json.c: the fields of the orders.
const char *json_find(const char *object, const char *key);         // its value, or NULL
bool json_is(const char *value, const char *text);                  // a string that says text
bool json_number(const char *value, double *number);                // also of a string that holds one
const char *json_next(const char *list, const char *last);          // the value after last, from NULL on
const char *json_member(const char *object, const char *last, const char **value); // the key after last
void json_print(const char *text);                                  // to stdout, with quotes

#endif
