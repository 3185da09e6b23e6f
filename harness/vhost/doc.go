// Package vhost drives the kernel's vhost-net as the virtio-net driver of a virtual
// machine does. Its split virtqueues (virtio 1.2, section 2.7) are in memory that it
// shares with a worker of the kernel, which moves packets between them and a queue of
// a TUN/TAP device.
package vhost
