package vm

import "sync"

// Values of Machine.Accel.
const (
	Auto = "auto" // KVM if it boots the kernel, else TCG
	KVM  = "kvm"
	TCG  = "tcg"
)

// kvmDevice is a variable for tests on hosts without KVM.
var kvmDevice = "/dev/kvm"

// kvmChoice holds what this process has found out about KVM.
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

// kvmError reports a guest that printed nothing under KVM.
type kvmError struct{ reason string }

func (e *kvmError) Error() string { return e.reason }
