package vm

import "os"

// FirstFile is the descriptor in QEMU of the first of Extra.Files.
const FirstFile = 5

// Extra is what a guest has beside its console and its results, such as a network
// device. The zero value adds nothing.
type Extra struct {
	Args []string // of QEMU, behind those of the machine
	// Files are inherited by QEMU, which has them as descriptors FirstFile, FirstFile+1
	// and so on. They stay the caller's.
	Files []*os.File
	// Modules are loaded in place of the optional ones, each behind those that it needs. A
	// kernel that lacks one is an error.
	Modules []string
	// Started is called each time that QEMU was started, with its process number and the
	// accelerator, KVM or TCG; may be nil.
	Started func(pid int, accel string)
}
