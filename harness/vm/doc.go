// Package vm boots a kernel in QEMU with an initramfs that holds one program,
// tunbench itself, and runs tunbench commands there.
//
// Host and guest run the same binary: Machine.Run builds the initramfs, starts
// QEMU and reads the results; in the guest, the binary calls guest.Init.
//
// Running a machine needs no root, no disk image and no network. Nothing is left
// on the host when tunbench dies, by any signal: the initramfs and the results
// are in anonymous memory, and QEMU dies with its parent.
package vm
