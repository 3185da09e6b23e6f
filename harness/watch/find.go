// Package watch finds the TUN/TAP devices of the host, which belong to others, and observes
// one of them by intervals, without touching it.
package watch

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"tunbench/harness/netns"
	"tunbench/reports/live"
	"tunbench/reports/record"
)

// Device is a TUN/TAP device of the host, who holds its queues, and where it is.
type Device struct {
	netns.Tun
	Netns       Namespace
	VnetHdrSize int // bytes; 0: no header; -1: not known, since nobody could be asked
	SndBuf      int // bytes, of the first queue; 0: not known
	Owners      []Owner
}

// Record is the device in a record.
func (d Device) Record() live.Device {
	r := live.Device{
		Device: record.Device{
			Name: d.Name, Flags: d.Flags, Offloads: offloads(d.Features), Qdisc: d.Qdisc,
			TxQLen: d.TxQLen, MTU: d.MTU, SndBuf: d.SndBuf,
		},
		VnetHdrSz: known(d.VnetHdrSize),
		Mode:      d.Mode, Netns: d.Netns.String(), NetnsInode: d.Netns.Inode, Ifindex: d.Index,
		Queues: d.Tun.Queues, Detached: d.Detached, Carrier: d.Carrier, Bridge: d.Bridge, Persistent: d.Persist,
		UID: known(d.Owner), GID: known(d.Group),
	}
	for _, f := range []struct {
		on   bool
		name string
	}{
		{d.Mode == "tun", "IFF_TUN"}, {d.Mode == "tap", "IFF_TAP"}, {!d.PI, "IFF_NO_PI"},
		{d.VnetHeader, "IFF_VNET_HDR"}, {d.MultiQueue, "IFF_MULTI_QUEUE"}, {d.Persist, "IFF_PERSIST"},
	} {
		if f.on {
			r.Flags = append(r.Flags, f.name)
		}
	}
	for _, o := range d.Owners {
		owner := live.Owner{PID: o.PID, Comm: o.Comm, FD: o.FD, Queue: known(o.Queue), Vhost: []string{}}
		for _, w := range o.Vhost {
			owner.Vhost = append(owner.Vhost, w.Comm)
		}
		r.Owners = append(r.Owners, owner)
	}
	return r
}

// Find lists the TUN/TAP devices of all network namespaces of the host that this process
// may look at or, if asked is not "", those of the one that it names (Options.Netns). gaps
// says what is not known of them, and why.
func Find(asked string) (list []Device, gaps []string, err error) {
	spaces := namespaces()
	if asked != "" {
		space, err := choose(asked, spaces)
		if err != nil {
			return nil, nil, err
		}
		spaces = map[uint32]Namespace{space.Inode: space}
	}
	holders, missing := holders()
	if missing != nil {
		gaps = append(gaps, fmt.Sprintf("which queue a descriptor has is not known: %v", missing))
	}
	workers := vhostWorkers()
	var refused []string
	for _, space := range slices.SortedFunc(maps.Values(spaces), byInode) {
		tuns, err := space.tuns()
		switch {
		case errors.Is(err, os.ErrPermission) && asked != "":
			return nil, gaps, fmt.Errorf("look for devices in network namespace %s: to enter it needs CAP_SYS_ADMIN, or root", asked)
		case errors.Is(err, os.ErrPermission):
			refused = append(refused, space.String())
		case errors.Is(err, os.ErrNotExist): // since it was found
		case err != nil:
			return nil, gaps, err
		}
		list = append(list, devices(space, tuns, holders, workers)...)
	}
	if len(refused) > 0 {
		gaps = append(gaps, fmt.Sprintf("devices in other network namespaces (%s) are not shown: to enter one needs CAP_SYS_ADMIN, or root", strings.Join(refused, ", ")))
	}
	return list, gaps, nil
}

// devices are those of a namespace with who holds their queues.
func devices(space Namespace, tuns []netns.Tun, holders []held, workers map[int][]Worker) (list []Device) {
	for _, t := range tuns {
		d := Device{Tun: t, Netns: space, VnetHdrSize: -1}
		if !t.VnetHeader {
			d.VnetHdrSize = 0
		}
		for _, h := range holders {
			if h.netns == space.Inode && (h.ifindex == t.Index || h.ifindex == 0 && h.name == t.Name) {
				h.Vhost = workers[h.PID]
				d.Owners = append(d.Owners, h.Owner)
			}
		}
		if !t.MultiQueue && len(d.Owners) == 0 && t.Persist {
			d.Tun.Queues = 0
		}
		sortOwners(d.Owners)
		for i, o := range d.Owners {
			if o.Queue < 0 && len(d.Owners) == 1 && t.Queues == 1 {
				d.Owners[i].Queue = 0
			}
			if d.SndBuf != 0 {
				continue
			}
			if _, f, err := ask(o.PID, o.FD); err == nil {
				d.VnetHdrSize, d.SndBuf = f.VnetHdrSize, f.SndBuf
			}
		}
		list = append(list, d)
	}
	return list
}
