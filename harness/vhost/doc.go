// Package vhost drives the kernel's vhost-net as a virtual machine's virtio-net
// driver does: split virtqueues (virtio 1.2, section 2.7) in memory that it
// shares with a worker of the kernel, which moves packets between them and a
// queue of a TUN/TAP device.
package vhost
