// Package vm boots a kernel in QEMU with an initramfs that holds one program,
// tunbench itself, and runs tunbench commands there.
//
// Host and guest are the same binary: Machine.Run builds the initramfs, starts
// QEMU and reads the results; Init is what the binary does as process 1 of the
// guest. They talk through two serial ports: ttyS0 is the console, where Init
// prints its markers, and ttyS1 carries the results.
//
// Nothing of it needs root, a disk image or a network, and nothing is left on
// the host when tunbench dies, by whatever signal: the initramfs and the
// results live in anonymous memory, and QEMU dies with its parent.
package vm
