package spec

import "fmt"

// backpressureContradiction is about what a full ring does; "" is none.
func backpressureContradiction(s Spec) string {
	switch {
	case !s.Backpressure:
		return ""
	case s.Path.Foreign():
		return fmt.Sprintf("backpressure=on is an option of our own device, and path=%s has none; set backpressure=off", s.Path)
	case !s.Holds():
		return "backpressure=on stops the queue of the device while its ring is full, and with qdisc=noqueue nothing holds the packets that are sent meanwhile: the kernel drops them as before; set qdisc=fq_codel or qdisc=pfifo_fast"
	case s.Path == PathSink && s.Dir == U2K:
		return "backpressure=on is about packets that are sent into the device; set dir=k2u"
	case s.Bypass:
		return "bypass=on passes by the qdisc, which backpressure=on needs to hold packets; set bypass=off"
	}
	return ""
}
