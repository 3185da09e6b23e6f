package hypervisor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"

	"tunbench/bpf"
	"tunbench/harness/device"
	"tunbench/harness/host"
	"tunbench/harness/netns"
	"tunbench/harness/path"
	"tunbench/harness/refusal"
	"tunbench/harness/spec"
	"tunbench/harness/vhost"
	"tunbench/harness/vm"
	"tunbench/harness/vm/kernel"
	"tunbench/harness/vm/peer"
	"tunbench/reports/record"
)

const (
	bridgeName = "bridge0"
	hostName   = "host0" // the device of the host's sockets, if the TAP device is on a bridge
	portName   = "port0" // its other end, the second port
)

// portMACs are those of the ports' own, which carry no traffic: a frame to one of them would
// be for the bridge itself.
var portMACs = [2]net.HardwareAddr{{0x02, 0, 0, 0, 1, 1}, {0x02, 0, 0, 0, 1, 2}}

// site is the host's side: a namespace with the TAP device, and the bridge.
type site struct {
	spec spec.Spec
	hook bpf.Hook

	kernel   *kernel.Kernel
	letGo    func() error // of the kernel
	ns       *netns.NS
	device   *device.Device
	link     netns.Link // as the device is set up
	observer *bpf.Observer
	tables   []string // the settings that send what crosses the bridge through netfilter

	// What was there at the end.
	counters netns.Counters // of the device
	sent     netns.Counters // of the device of the host's sockets; where there is no bridge, that of counters
	stack    netns.Stack
	snapshot *bpf.Snapshot
	own      *record.Observer
}

// hostLink is the name of the device of the host's sockets.
func (w *site) hostLink() string {
	if w.spec.Bridge {
		return hostName
	}
	return device.Name
}

func (w *site) build(ctx context.Context) (err error) {
	if err := w.find(); err != nil {
		return err
	}
	if w.ns, err = netns.New(); err != nil {
		return err
	}
	w.link = device.HostLink(w.spec, 0, true)
	if w.spec.Bridge {
		w.link = netns.Link{MTU: w.spec.MTU(), TxQLen: w.spec.TxQLen, Qdisc: w.spec.Qdisc, MAC: portMACs[0]}
	}
	if w.device, err = device.New(w.ns, device.Name, w.spec, w.link); err != nil {
		return err
	}
	if w.spec.Bridge {
		if err := w.buildBridge(ctx); err != nil {
			return err
		}
	}
	if w.hook != bpf.None {
		t := w.device.Target(device.SampleEveryOf(w.spec))
		t.Direction = directions[w.spec.Dir]
		w.observer, err = device.Observe(w.hook, t)
	}
	return err
}

var directions = map[spec.Dir]bpf.Direction{spec.K2U: bpf.K2U, spec.U2K: bpf.U2K, spec.Both: bpf.Both}

// find looks for all that a guest needs and a host may lack.
func (w *site) find() (err error) {
	name := w.spec.GuestKernel
	if name == "" {
		if err := needQEMU(runtime.GOARCH); err != nil {
			return err
		}
	}
	if w.spec.IO == spec.IOVhost {
		f, err := os.OpenFile(vhost.Path, os.O_RDWR, 0)
		if err != nil {
			return refusal.OfVhost(err)
		}
		f.Close()
	}
	if name == "" {
		cached := kernel.Cached(runtime.GOARCH)
		if len(cached) == 0 {
			return &refusal.Missing{Detail: "path=guest boots a kernel, and none was fetched: run " + kernel.FetchScript + ", or name one by --guest-kernel"}
		}
		name = cached[len(cached)-1]
	}
	if w.kernel, w.letGo, err = kernel.Find(name, ""); err != nil {
		return &refusal.Missing{Detail: "path=guest: " + err.Error()}
	}
	return needQEMU(w.kernel.Arch)
}

func needQEMU(arch string) error {
	if _, err := vm.FindQEMU(arch); err != nil {
		return &refusal.Missing{Detail: fmt.Sprintf("path=guest needs QEMU: %v", err)}
	}
	return nil
}

// buildBridge joins the device with the end of a veth pair whose other end has the host's
// address.
func (w *site) buildBridge(ctx context.Context) error {
	if err := w.ns.Veth(hostName, w.ns, portName); err != nil {
		return err
	}
	here := device.HostLink(w.spec, 0, true)
	here.TxQLen, here.Qdisc = 0, ""
	if err := w.ns.Configure(hostName, here); err != nil {
		return err
	}
	if err := w.ns.Configure(portName, netns.Link{MTU: w.spec.MTU(), MAC: portMACs[1]}); err != nil {
		return err
	}
	if err := w.ns.Bridge(bridgeName, device.Name, portName); err != nil {
		return err
	}
	err := w.ns.Do(func() error {
		w.tables = host.CrossesNetfilter(host.Namespace())
		return nil
	})
	if err != nil {
		return err
	}
	for port, mac := range map[string]net.HardwareAddr{device.Name: peer.MAC, portName: device.MAC} {
		if err := w.ns.Forward(mac, port); err != nil {
			return err
		}
	}
	for _, name := range []string{hostName, portName} {
		if err := path.Activated(ctx, w.ns, name); err != nil {
			return err
		}
	}
	return nil
}

func (w *site) observers() device.Observers {
	if w.observer == nil {
		return nil
	}
	return device.Observers{w.observer}
}

// count reads the counters for the last time.
func (w *site) count() (err error) {
	if w.counters, err = w.device.Counters(); err != nil {
		return err
	}
	if w.sent, err = w.ns.Counters(w.hostLink()); err != nil {
		return err
	}
	if w.stack, err = w.ns.Stack(); err != nil {
		return err
	}
	if w.observer == nil {
		return nil
	}
	w.snapshot, w.own, err = device.LastLook(w.observer)
	return err
}

// toGuest is what was dropped on the host of what its sockets sent, by reason.
func (w *site) toGuest() map[string]uint64 {
	drops := device.Lost(w.spec, w.snapshot, w.counters, 1)
	if n := w.sent.TxDropped; w.spec.Bridge && n > 0 {
		drops["host "+record.TxDropped] = n
	}
	return drops
}

// fromGuest is what was dropped on the host of what the guest sent, by reason.
func (w *site) fromGuest() map[string]uint64 {
	drops := map[string]uint64{}
	if w.snapshot != nil && !w.spec.Bridge {
		for reason, n := range w.snapshot.RecvDrops {
			drops[reason] += n
		}
		return drops
	}
	// What crosses a bridge is received by another device than the one observed.
	for reason, n := range w.stack.Lost {
		drops[reason] += n
	}
	return drops
}

// queues are those of the device as the observer saw them.
func (w *site) queues() (list []record.Queue) {
	if w.snapshot == nil {
		return nil
	}
	list = device.QueueRecords(w.snapshot, false)
	for i := range list {
		q := w.snapshot.Queues[i]
		list[i].RecvPkts, list[i].RecvBytes = q.RecvPkts, q.RecvBytes
		list[i].DropPkts += q.RecvDropPkts
	}
	return list
}

func (w *site) close() error {
	var errs []error
	if w.observer != nil {
		errs = append(errs, w.observer.Close())
	}
	errs = append(errs, w.device.Close())
	if w.ns != nil {
		errs = append(errs, w.ns.Close())
	}
	if w.letGo != nil {
		errs = append(errs, w.letGo())
	}
	return errors.Join(errs...)
}
