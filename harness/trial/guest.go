package trial

import (
	"tunbench/bpf"
	"tunbench/harness/hypervisor"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

// prepareGuest makes the session of stamped packets between this host and a virtual
// machine. It goes through the phases of a conversation: one of its ends is not here.
func prepareGuest(s spec.Spec, hook bpf.Hook, p record.Placement) *session {
	g := hypervisor.New(s, hook, p)
	return newConversationTrial(s, g, roles{g, g, g, g}, p).session()
}
