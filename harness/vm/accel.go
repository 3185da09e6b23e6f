package vm

import "sync"

// Values of Machine.Accel.
const (
	Auto = "auto" // KVM if it boots the kernel, else TCG
	KVM  = "kvm"
	TCG  = "tcg"
)

// kvmDevice is a variable so that tests run where there is none.
var kvmDevice = "/dev/kvm"

// kvmChoice is what this process has found out about KVM.
var kvmChoice struct {
	sync.Mutex // guards the rest
	proven     bool
	passedOver string
}

func kvmProven() bool {
	kvmChoice.Lock()
	defer kvmChoice.Unlock()
	return kvmChoice.proven
}

func rememberKVM(works bool, passedOver string) {
	kvmChoice.Lock()
	defer kvmChoice.Unlock()
	kvmChoice.proven, kvmChoice.passedOver = works, passedOver
}

// kvmError is a guest that KVM did not bring to its first line.
type kvmError struct{ reason string }

func (e *kvmError) Error() string { return e.reason }
