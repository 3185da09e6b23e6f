package netns

import (
	"encoding/binary"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"tunbench/harness/qdisc"
)

// setQdisc makes the root qdisc of a link. It must run on the namespace's thread. With
// parameters there is always a new one, by a handle that the old one does not have
// (tc_modify_qdisc of net/sched/sch_api.c): some parameters cannot be changed later.
func setQdisc(index int, text string) error {
	d, err := qdisc.Parse(text)
	if err != nil {
		return err
	}
	m := &nl.TcMsg{Family: nl.FAMILY_ALL, Ifindex: int32(index), Parent: netlink.HANDLE_ROOT}
	if d.Parameters() {
		old, _, err := root(index)
		if err != nil {
			return err
		}
		m.Handle = netlink.MakeHandle(1, 0)
		if old == m.Handle {
			m.Handle = netlink.MakeHandle(2, 0)
		}
	}
	req := nl.NewNetlinkRequest(unix.RTM_NEWQDISC, unix.NLM_F_CREATE|unix.NLM_F_REPLACE|unix.NLM_F_ACK)
	req.AddData(m)
	req.AddData(nl.NewRtAttr(nl.TCA_KIND, nl.ZeroTerminated(d.Kind)))
	if options := d.Options(); options != nil {
		req.AddData(nl.NewRtAttr(nl.TCA_OPTIONS, options))
	}
	_, err = req.Execute(unix.NETLINK_ROUTE, 0)
	return err
}

// root is the handle of the root qdisc of a link, and its attributes by their number,
// TCA_OPTIONS among them; nothing of a link whose qdisc the kernel chose, which it does not
// show. It must run on the namespace's thread.
func root(index int) (handle uint32, attrs map[uint16][]byte, err error) {
	req := nl.NewNetlinkRequest(unix.RTM_GETQDISC, unix.NLM_F_DUMP)
	req.AddData(&nl.TcMsg{Family: nl.FAMILY_ALL, Ifindex: int32(index)})
	replies, err := req.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWQDISC)
	if err != nil {
		return 0, nil, err
	}
	for _, reply := range replies {
		if len(reply) < nl.SizeofTcMsg {
			continue
		}
		m := nl.DeserializeTcMsg(reply)
		if int(m.Ifindex) == index && m.Parent == netlink.HANDLE_ROOT {
			attrs, err = parsed(reply[nl.SizeofTcMsg:])
			return m.Handle, attrs, err
		}
	}
	return 0, nil, nil
}

// spelledQdisc is the root qdisc of a link, of that kind, with the parameters that asked sets. It
// must run on the namespace's thread.
func spelledQdisc(index int, kind string, asked qdisc.Discipline) (string, error) {
	_, attrs, err := root(index)
	return asked.Spell(kind, attrs[nl.TCA_OPTIONS]), err
}

// qdiscCounters are those of the root qdisc of a link: 0 of one that the kernel chose. It must
// run on the namespace's thread.
func qdiscCounters(index int) (c QdiscCounters, err error) {
	_, attrs, err := root(index)
	if err != nil {
		return c, err
	}
	if attrs, err = parsed(attrs[nl.TCA_STATS2]); err != nil {
		return c, err
	}
	// struct gnet_stats_queue of include/uapi/linux/gen_stats.h.
	if q := attrs[nl.TCA_STATS_QUEUE]; len(q) >= 12 {
		c.Held = uint64(binary.NativeEndian.Uint32(q))
		c.Dropped = uint64(binary.NativeEndian.Uint32(q[8:]))
	}
	return c, nil
}
