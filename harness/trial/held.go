package trial

import (
	"errors"
	"fmt"

	"tunbench/harness/path"
)

// held adds to the error of a trial in which nothing moves any more that the qdisc of a host
// holds packets: then the driver has stopped the queue of its device, and has not started it
// again.
func held(s path.Site, err error) error {
	for _, h := range s.Hosts {
		if err == nil || h.NS == nil {
			continue
		}
		c, lookErr := h.NS.Qdisc(h.Link)
		switch {
		case lookErr != nil:
			err = errors.Join(err, lookErr)
		case c.Held > 0:
			err = fmt.Errorf("%w: the qdisc of %s holds %d packets, which the device does not take: its driver stopped the queue and did not wake it", err, h.Link, c.Held)
		}
	}
	return err
}

// waitedFor is held for a wait that was in vain; other errors say themselves why.
func waitedFor(s path.Site, err error) error {
	if errors.As(err, new(stuck)) {
		return held(s, err)
	}
	return err
}
