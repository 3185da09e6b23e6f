package spec

import "fmt"

// sendersContradiction is about the number of threads that send; "" is none.
func sendersContradiction(s Spec) string {
	switch {
	case s.Senders == 0:
		return ""
	case s.Gen == GenLockstep:
		return "gen=lockstep is one thread that sends and reads; set senders=auto or gen=udp"
	case s.Gen == GenIPerf3:
		return "gen=iperf3 is a program with threads of its own; set senders=auto or gen=tcp"
	case s.Path == PathGuest:
		return "path=guest has a sender for each CPU of the virtual machine; set senders=auto"
	case s.Path == PathBridge || s.Path == PathSink && s.Dir == U2K:
		return fmt.Sprintf("path=%s dir=%s: user space writes to the device, one thread to each queue, and no socket sends; set senders=auto or dir=k2u of path=sink", s.Path, s.Dir)
	case s.Senders > s.Flows:
		return fmt.Sprintf("senders=%d with flows=%d: the packets of a flow come from one thread, so that they stay in order; set flows=%d or more, or fewer senders", s.Senders, s.Flows, s.Senders)
	}
	return ""
}
