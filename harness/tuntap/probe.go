package tuntap

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"golang.org/x/sys/unix"
)

// Status is the outcome of a probe.
type Status string

const (
	Supported   Status = "supported"   // it was set, and read back where that is possible
	Unsupported Status = "unsupported" // the kernel refused or ignored it
	Failed      Status = "failed"      // another error came first: nothing is known
)

// Option is the result of one probe.
type Option struct {
	Name   string `json:"name"`  // as in if_tun.h, with the value where it matters
	Since  string `json:"since"` // the kernel version it came with
	Status Status `json:"status"`
	Call   string `json:"call"`             // the call that decides
	Errno  string `json:"errno,omitempty"`  // name of the errno, if a call was refused
	Detail string `json:"detail,omitempty"` // what was seen
	Value  int    `json:"value,omitempty"`  // a limit or a mask that was found
}

// String returns one line: name, status, and why.
func (o Option) String() string {
	parts := []string{o.Name + ": " + string(o.Status)}
	if o.Errno != "" {
		parts = append(parts, o.Call+" "+o.Errno)
	}
	if o.Detail != "" {
		parts = append(parts, o.Detail)
	}
	return strings.Join(parts, ", ")
}

// Programs are the eBPF programs that Probe tries.
type Programs struct {
	// Steering is the descriptor of a loaded socket filter program. If it is 0, Err
	// is why there is none.
	Steering int
	Err      error
}

// Probe tries every option of if_tun.h on temporary devices in the network
// namespace of the calling thread, which should be a fresh one on a locked
// thread. It leaves no device behind. It returns an error only if not even a
// plain TUN device can be created.
func Probe(p Programs) ([]Option, error) {
	plain, err := Create(Config{Queues: 1})
	if err != nil {
		return nil, fmt.Errorf("probe tun/tap options: %w", err)
	}
	if err := plain.Close(); err != nil {
		return nil, fmt.Errorf("probe tun/tap options: %w", err)
	}
	options := make([]Option, 0, len(probes))
	for _, pr := range probes {
		options = append(options, pr.run(p))
	}
	return options, nil
}

type probe struct {
	name, since, call string
	// try creates what it needs and leaves nothing behind.
	try func(p Programs) (finding, error)
}

// finding is what try found when it succeeded.
type finding struct {
	detail string
	value  int
}

func (pr probe) run(p Programs) Option {
	o := Option{Name: pr.name, Since: pr.since, Status: Supported, Call: pr.call}
	f, err := pr.try(p)
	o.Detail, o.Value = f.detail, f.value
	if err == nil {
		return o
	}
	o.Status, o.Detail = Failed, err.Error()
	var e *OptionError
	if errors.As(err, &e) {
		o.Call = e.Call
		if e.Unsupported() {
			o.Status = Unsupported
		}
	}
	var errno unix.Errno
	if errors.As(err, &errno) {
		o.Errno = unix.ErrnoName(errno)
	}
	return o
}

// on returns a try that runs f on a device of its own.
func on(c Config, f func(d *Device) (finding, error)) func(Programs) (finding, error) {
	return func(Programs) (found finding, err error) {
		d, err := Create(c)
		if err != nil {
			return finding{}, err
		}
		defer func() { err = errors.Join(err, d.Close()) }()
		return f(d)
	}
}

// created returns a try that succeeds when the device has come out as
// requested.
func created(c Config) func(Programs) (finding, error) {
	return on(c, func(d *Device) (finding, error) {
		flags, err := d.Flags()
		return finding{detail: "made as " + flagText(flags)}, err
	})
}

// announced returns a try of an offload mask.
func announced(mask uint, detail string) func(Programs) (finding, error) {
	return on(Config{Queues: 1, VnetHdr: 24}, func(d *Device) (finding, error) {
		return finding{detail: detail, value: int(mask)}, d.SetOffload(mask)
	})
}

// withProgram returns a try that gives an eBPF program to a device.
func withProgram(set func(d *Device, fd int) error) func(Programs) (finding, error) {
	return func(p Programs) (finding, error) {
		if p.Steering == 0 {
			return finding{}, notLoaded(p.Err)
		}
		return on(Config{Queues: 2}, func(d *Device) (finding, error) {
			if err := set(d, p.Steering); err != nil {
				return finding{}, err
			}
			return finding{detail: "set and taken away"}, set(d, -1)
		})(p)
	}
}

// ignored is the error for a value that reads back different.
func ignored(d *Device, call, arg, got string) error {
	return &OptionError{Device: d.Name(), Call: call, Arg: arg, Got: got}
}

var (
	tun = Config{Queues: 1}
	tap = Config{Queues: 1, TAP: true}
)

// acceptAll is the classic program "ret 0xffffffff".
var acceptAll = []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: ^uint32(0)}}

// probes is in the order of the kernels in which the options appeared.
var probes = []probe{
	{"IFF_TUN", "before 2.6.12", "TUNSETIFF", created(tun)},
	{"IFF_TAP", "before 2.6.12", "TUNSETIFF", created(tap)},
	{"IFF_NO_PI", "before 2.6.12", "TUNSETIFF", created(tun)},
	{"no IFF_NO_PI", "before 2.6.12", "TUNSETIFF", created(Config{Queues: 1, PI: true})},
	{"TUNSETPERSIST", "before 2.6.12", "TUNSETPERSIST", on(tun, probePersist)},
	{"TUNSETOWNER", "before 2.6.12", "TUNSETOWNER", on(tun, probeOwner)},
	{"TUNSETLINK", "before 2.6.12", "TUNSETLINK", on(tun, func(d *Device) (finding, error) {
		return finding{}, d.SetLinkType(unix.ARPHRD_ETHER)
	})},
	{"TUNSETDEBUG", "before 2.6.12", "TUNSETDEBUG", on(tun, func(d *Device) (finding, error) {
		return finding{}, d.SetDebug(0)
	})},
	{"TUNSETGROUP", "2.6.23", "TUNSETGROUP", on(tun, probeGroup)},
	{"TUNGETFEATURES", "2.6.27", "TUNGETFEATURES", on(tun, func(d *Device) (finding, error) {
		f, err := d.Features()
		return finding{detail: flagText(f), value: int(f)}, err
	})},
	{"TUNGETIFF", "2.6.27", "TUNGETIFF", created(tun)},
	{"IFF_VNET_HDR", "2.6.27", "TUNSETIFF", created(Config{Queues: 1, VnetHdr: 10})},
	{"TUNSETOFFLOAD 0", "2.6.27", "TUNSETOFFLOAD", announced(0, "")},
	{"TUN_F_CSUM", "2.6.27", "TUNSETOFFLOAD", announced(OffCsum, "")},
	{"TUN_F_TSO4", "2.6.27", "TUNSETOFFLOAD", announced(OffCsum|OffTSO4, "")},
	{"TUN_F_TSO6", "2.6.27", "TUNSETOFFLOAD", announced(OffCsum|OffTSO6, "")},
	{"TUN_F_TSO_ECN", "2.6.27", "TUNSETOFFLOAD", announced(OffCsum|OffTSO4|OffTSO6|OffTSOECN, "")},
	{"TUN_F_UFO", "2.6.27", "TUNSETOFFLOAD", announced(OffCsum|OffUFO, "accepted; without effect since Linux 4.14")},
	{"TUNSETTXFILTER", "2.6.27", "TUNSETTXFILTER", on(tap, probeTxFilter)},
	{"TUNSETSNDBUF", "2.6.30", "TUNSETSNDBUF", on(tun, probeSndBuf)},
	{"IFF_TUN_EXCL", "2.6.30", "TUNSETIFF", on(Config{Queues: 2}, probeExclusive)},
	{"TUNATTACHFILTER", "2.6.34", "TUNATTACHFILTER", on(tap, probeClassic)},
	{"TUNSETVNETHDRSZ 10", "2.6.35", "TUNSETVNETHDRSZ", probeVnetHdr(10)},
	{"TUNSETVNETHDRSZ 12", "2.6.35", "TUNSETVNETHDRSZ", probeVnetHdr(12)},
	{"TUNSETVNETHDRSZ 20", "2.6.35", "TUNSETVNETHDRSZ", probeVnetHdr(20)},
	{"TUNSETVNETHDRSZ 24", "2.6.35", "TUNSETVNETHDRSZ", probeVnetHdr(24)},
	{"IFF_MULTI_QUEUE", "3.8", "TUNSETIFF", created(Config{Queues: 2})},
	{"MAX_TAP_QUEUES", "3.8", "TUNSETIFF", on(Config{Queues: 2}, probeMaxQueues)},
	{"TUNSETQUEUE", "3.8", "TUNSETQUEUE", on(Config{Queues: 2}, probeDetach)},
	{"TUNSETIFINDEX", "3.12", "TUNSETIFINDEX", created(Config{Queues: 1, Ifindex: 77777})},
	{"TUNGETFILTER", "3.12", "TUNGETFILTER", on(tap, probeGetFilter)},
	{"IFF_NOFILTER", "3.12", "TUNGETIFF", on(Config{Queues: 1, TAP: true, PI: true}, probeNoFilter)},
	{"TUNSETVNETLE", "3.19", "TUNSETVNETLE", on(Config{Queues: 1, VnetHdr: 10}, func(d *Device) (finding, error) {
		return finding{detail: "set, unset and read back"}, errors.Join(d.SetVnetLE(true), d.SetVnetLE(false))
	})},
	{"TUNSETVNETBE", "4.2", "TUNSETVNETBE", on(Config{Queues: 1, VnetHdr: 10}, func(d *Device) (finding, error) {
		if err := d.SetVnetBE(true); err != nil {
			return finding{}, err
		}
		return finding{detail: "set, unset and read back"}, d.SetVnetBE(false)
	})},
	{"IFF_NAPI", "4.15", "TUNSETIFF", created(Config{Queues: 1, NAPI: true})},
	{"IFF_NAPI_FRAGS", "4.15", "TUNSETIFF", created(Config{Queues: 1, TAP: true, NAPIFrags: true})},
	{"TUNSETSTEERINGEBPF", "4.16", "TUNSETSTEERINGEBPF", withProgram((*Device).SetSteering)},
	{"TUNSETFILTEREBPF", "4.16", "TUNSETFILTEREBPF", withProgram((*Device).SetFilterEBPF)},
	{"TUNSETCARRIER", "5.0", "TUNSETCARRIER", on(tun, probeCarrier)},
	{"TUNGETDEVNETNS", "5.2", "TUNGETDEVNETNS", on(tun, probeNetns)},
	{"IFF_NO_CARRIER", "6.1", "TUNSETIFF", created(Config{Queues: 1, NoCarrier: true})},
	{"TUN_F_USO4|TUN_F_USO6", "6.2", "TUNSETOFFLOAD", announced(OffCsum|OffUSO4|OffUSO6, "")},
	{"TUN_F_UDP_TUNNEL_GSO", "6.17", "TUNSETOFFLOAD", announced(OffCsum|OffTSO4|OffTSO6|OffTunnel, "")},
	{"TUN_F_UDP_TUNNEL_GSO_CSUM", "6.17", "TUNSETOFFLOAD", announced(OffCsum|OffTSO4|OffTSO6|OffTunnel|OffTunnelCsum, "")},
	{"IFF_BACKPRESSURE", "after 6.18", "TUNSETIFF", created(Config{Queues: 1, Backpressure: true})},
}

func probePersist(d *Device) (finding, error) {
	for _, want := range []bool{true, false} {
		if err := d.SetPersist(want); err != nil {
			return finding{}, err
		}
		flags, err := d.Flags()
		if err != nil {
			return finding{}, err
		}
		if got := flags&unix.IFF_PERSIST != 0; got != want {
			return finding{}, ignored(d, "TUNSETPERSIST", onOff(want), onOff(got))
		}
	}
	return finding{detail: "set, unset and read back"}, nil
}

// probeID is a user or group that is neither root nor invalid.
const probeID = 1

func probeOwner(d *Device) (finding, error) {
	if err := d.SetOwner(probeID); err != nil {
		return finding{}, err
	}
	return readBack(d, "TUNSETOWNER", func(e Existing) *uint32 { return e.Owner })
}

func probeGroup(d *Device) (finding, error) {
	if err := d.SetGroup(probeID); err != nil {
		return finding{}, err
	}
	return readBack(d, "TUNSETGROUP", func(e Existing) *uint32 { return e.Group })
}

func readBack(d *Device, call string, id func(Existing) *uint32) (finding, error) {
	link, err := Lookup(d.Name())
	if err != nil {
		return finding{}, err
	}
	if !link.Detailed {
		return finding{detail: "set; this kernel does not show it"}, nil
	}
	switch got := id(link); {
	case got == nil:
		return finding{}, ignored(d, call, fmt.Sprint(probeID), "nobody's")
	case *got != probeID:
		return finding{}, ignored(d, call, fmt.Sprint(probeID), fmt.Sprint(*got))
	}
	return finding{detail: "set and read back"}, nil
}

func probeTxFilter(d *Device) (finding, error) {
	local := net.HardwareAddr{2, 0, 0, 0, 0, 1}
	if err := d.SetTxFilter([]net.HardwareAddr{local}, true); err != nil {
		return finding{}, err
	}
	return finding{detail: "set and taken away"}, d.SetTxFilter(nil, false)
}

func probeSndBuf(d *Device) (finding, error) {
	before, err := d.SndBuf()
	if err != nil {
		return finding{}, err
	}
	return finding{detail: fmt.Sprintf("default %d bytes; set to 65536 and read back", before), value: before}, d.SetSndBuf(65536)
}

// probeExclusive asks for a name that exists: without the flag a multi-queue
// device would get one more queue.
func probeExclusive(d *Device) (finding, error) {
	again, err := Create(Config{Name: d.Name(), Queues: 2, Exclusive: true})
	if errors.Is(err, unix.EBUSY) {
		return finding{detail: "a name that exists is refused: EBUSY"}, nil
	}
	if err != nil {
		return finding{}, err
	}
	return finding{}, errors.Join(ignored(d, "TUNSETIFF", "IFF_TUN_EXCL", "open to another queue"), again.Close())
}

func probeClassic(d *Device) (finding, error) {
	if err := d.AttachFilter(acceptAll); err != nil {
		return finding{}, err
	}
	return finding{detail: "attached and detached"}, d.DetachFilter()
}

func probeGetFilter(d *Device) (finding, error) {
	if err := d.AttachFilter(acceptAll); err != nil {
		return finding{}, err
	}
	if _, err := d.GetFilter(); err != nil {
		return finding{}, err
	}
	return finding{detail: "read back the program that was attached"}, nil
}

// probeNoFilter needs a device with packet information, whose IFF_NO_PI does
// not hide the flag.
func probeNoFilter(d *Device) (finding, error) {
	shown := func() (bool, error) {
		_, flags, err := getIff(d.queues[0].fd)
		return flags&unix.IFF_NOFILTER != 0, optionError(d.name, "TUNGETIFF", "", err)
	}
	without, err := shown()
	if err != nil {
		return finding{}, err
	}
	if err := d.AttachFilter(acceptAll); err != nil {
		return finding{}, err
	}
	with, err := shown()
	if err != nil {
		return finding{}, err
	}
	if !without || with {
		return finding{}, ignored(d, "TUNGETIFF", "IFF_NOFILTER", fmt.Sprintf("%t without a filter and %t with one", without, with))
	}
	return finding{detail: "shown without a classic filter, not with one"}, nil
}

func probeVnetHdr(size int) func(Programs) (finding, error) {
	return on(Config{Queues: 1, VnetHdr: size}, func(d *Device) (finding, error) {
		got, err := d.VnetHdrSize()
		return finding{detail: "set and read back", value: got}, err
	})
}

// probeMaxQueues adds queues until the kernel refuses one.
func probeMaxQueues(d *Device) (finding, error) {
	const enough = 1024
	for n := len(d.Queues()); n < enough; n++ {
		_, err := d.AddQueue()
		if errors.Is(err, unix.E2BIG) {
			return finding{detail: fmt.Sprintf("%d queues; one more is refused: E2BIG", n), value: n}, nil
		}
		if err != nil {
			return finding{}, fmt.Errorf("after %d queues: %w", n, err)
		}
	}
	return finding{detail: fmt.Sprintf("at least %d queues", enough), value: enough}, nil
}

func probeDetach(d *Device) (finding, error) {
	q := d.Queues()[1]
	if err := q.Detach(); err != nil {
		return finding{}, err
	}
	return finding{detail: "detached, attached and read back"}, q.Attach()
}

func probeCarrier(d *Device) (finding, error) {
	for _, want := range []bool{false, true} {
		if err := d.SetCarrier(want); err != nil {
			return finding{}, err
		}
		link, err := Lookup(d.Name())
		if err != nil {
			return finding{}, err
		}
		if link.Carrier != want {
			return finding{}, ignored(d, "TUNSETCARRIER", onOff(want), onOff(link.Carrier))
		}
	}
	return finding{detail: "unset, set and read back"}, nil
}

func probeNetns(d *Device) (finding, error) {
	fd, err := d.NetnsFD()
	if err != nil {
		return finding{}, err
	}
	return finding{detail: "opened"}, unix.Close(fd)
}
