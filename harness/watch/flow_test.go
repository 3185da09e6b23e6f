package watch

import (
	"encoding/binary"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"tunbench/bpf"
	"tunbench/harness/tuntap"
)

// ipv4 is a UDP packet of 64 bytes without checksum.
func ipv4(from, to byte, flow uint32) []byte {
	b := make([]byte, 64)
	copy(b, []byte{0x45, 0, 0, 64, 0, 0, 0, 0, 64, unix.IPPROTO_UDP, 0, 0, 198, 51, 100, from, 198, 51, 100, to})
	var sum uint32
	for i := 0; i < 20; i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	binary.BigEndian.PutUint16(b[10:], ^uint16(sum+sum>>16))
	binary.BigEndian.PutUint32(b[20:], flow) // both ports
	binary.BigEndian.PutUint16(b[24:], 44)
	return b
}

// TestFlowsAtOnce has two CPUs receive the first packets of flows at the same time, and holds
// that both are counted.
func TestFlowsAtOnce(t *testing.T) {
	const flows = 4000
	if runtime.NumCPU() < 2 {
		t.Skip("needs two CPUs")
	}
	ns, d := newDevice(t, tuntap.Config{Name: "flows0", Queues: 2})
	o, err := bpf.Open(bpf.Options{Hook: bpf.Tracepoint, Target: bpf.Target{Ifindex: uint32(d.Ifindex()), Netns: ns.Inode(), Queues: 2, Direction: bpf.U2K, Flows: true}})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	var writers sync.WaitGroup
	var ready [2]atomic.Int64
	for i := range ready {
		writers.Go(func() {
			for flow := range int64(flows) {
				packet := ipv4(2, 3, uint32(flow))
				ready[i].Store(flow + 1)
				for spins := 0; ready[1-i].Load() <= flow; spins++ {
					if spins%1000 == 999 {
						runtime.Gosched()
					}
				}
				if _, err := unix.Write(d.Queues()[i].FD(), packet); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	found, err := o.Flows()
	if err != nil {
		t.Fatal(err)
	}
	once := 0
	for flow, n := range found {
		if n.Pkts != 2 || n.Bytes != 128 {
			once++
			if once == 1 {
				t.Errorf("%v has %+v", flow, n)
			}
		}
	}
	if len(found) != flows || once > 0 {
		t.Errorf("%d flows, want %d; %d do not have two packets", len(found), flows, once)
	}
}
