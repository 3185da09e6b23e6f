// Package live holds the records of tunbench watch: what a device did in an interval.
package live

import (
	"encoding/json"
	"fmt"

	"tunbench/reports/record"
)

// Kind is the first field of each record.
const Kind record.Kind = "watch"

// Watch is what happened to a device in an interval: counts of that interval, not totals.
type Watch struct {
	Kind       record.Kind `json:"kind"`
	TNs        int64       `json:"t_ns"` // end of the interval, since 1970
	IntervalNs int64       `json:"interval_ns"`
	Device     Device      `json:"device"`
	// Counters are the device's own. A packet is transmitted when it is read.
	Counters Counters `json:"counters"`
	// Hook is the hook in use; Unobserved says why there is none, and then what follows
	// is empty.
	Hook        string                    `json:"hook,omitempty"`
	Unobserved  string                    `json:"unobserved,omitempty"`
	SampleEvery int                       `json:"sample_every,omitempty"` // one packet in so many is timed
	Queues      []Queue                   `json:"queues"`
	GSO         []GSO                     `json:"gso"`
	Flows       *Flows                    `json:"flows,omitempty"`  // with --flows
	Dropped     map[string]uint64         `json:"dropped"`          // packets to readers, by reason
	RecvDropped map[string]uint64         `json:"recv_dropped"`     // packets from writers, anywhere in the stack
	Errors      *CallErrors               `json:"errors,omitempty"` // with --returns
	Latency     map[string]record.Latency `json:"latency"`          // Residency
	Cost        *Cost                     `json:"cost,omitempty"`   // with --cost, from six pairs on
	Missed      uint64                    `json:"missed"`           // events that were not counted, at most
	// Changes are natural logarithms of the packet rate with the observer over that without it,
	// in both directions, of pairs of phases.
	Changes []float64 `json:"-"`
	// RunNs is the time in the observer's programs while RunPkts passed the device, both
	// ways.
	RunNs, RunPkts float64 `json:"-"`
}

// Device is a device that belongs to someone else.
type Device struct {
	record.Device
	// VnetHdrSz takes the place of the field of a trial: 0 without IFF_VNET_HDR, nil where
	// nobody who holds a queue could be asked.
	VnetHdrSz  *int    `json:"vnet_hdr_sz,omitempty"`
	Mode       string  `json:"mode"` // tun or tap
	Netns      string  `json:"netns"`
	NetnsInode uint32  `json:"netns_inode"`
	Ifindex    int     `json:"ifindex"`
	Queues     int     `json:"queues"` // attached
	Detached   int     `json:"detached"`
	Carrier    bool    `json:"carrier"`
	Bridge     string  `json:"bridge,omitempty"`
	Persistent bool    `json:"persistent"`
	UID        *int    `json:"uid,omitempty"` // of who may open queues
	GID        *int    `json:"gid,omitempty"`
	Owners     []Owner `json:"owners"`
}

// Owner is a descriptor that holds a queue.
type Owner struct {
	PID   int    `json:"pid"`
	Comm  string `json:"comm"`
	FD    int    `json:"fd"`
	Queue *int   `json:"queue"` // nil: detached, or not known
	// Vhost names the threads of vhost that work for the process.
	Vhost []string `json:"vhost"`
}

// Queue is a queue in an interval.
type Queue struct {
	record.Queue
	// ReadCalls is nil where the hook does not see calls.
	ReadCalls *uint64 `json:"read_calls,omitempty"`
}

// Counters are those of a link.
type Counters struct {
	RxPackets uint64 `json:"rx_packets"`
	RxBytes   uint64 `json:"rx_bytes"`
	RxErrors  uint64 `json:"rx_errors"`
	RxDropped uint64 `json:"rx_dropped"`
	TxPackets uint64 `json:"tx_packets"`
	TxBytes   uint64 `json:"tx_bytes"`
	TxErrors  uint64 `json:"tx_errors"`
	TxDropped uint64 `json:"tx_dropped"`
}

// GSO counts GSO packets of a type, and their segments.
type GSO struct {
	Dir  string `json:"dir"`  // k2u or u2k
	Type string `json:"type"` // tcp4, tcp6, udp, tunnel, other
	SKBs uint64 `json:"skbs"`
	Pkts uint64 `json:"pkts"`
}

// Flows are the flows of an interval.
type Flows struct {
	Count    int    `json:"count"`
	Heaviest []Flow `json:"heaviest"` // at most five, by packets
}

// Flow is a flow, by its addresses and ports.
type Flow struct {
	Dir   string `json:"dir"` // k2u or u2k
	Proto string `json:"proto"`
	Src   string `json:"src"`
	Dst   string `json:"dst"`
	Pkts  uint64 `json:"pkts"`
	Bytes uint64 `json:"bytes"`
}

// CallErrors are the errors of readers and writers, by the name of the errno.
type CallErrors struct {
	Read  map[string]uint64 `json:"read"`
	Write map[string]uint64 `json:"write"`
}

// Cost is the change of the packet rate by the observer, -0.02 for 2 % less, from intervals
// with and without it.
type Cost struct {
	PPSChange float64    `json:"pps_change"`
	CI        [2]float64 `json:"ci"` // 95 %
	Pairs     int        `json:"pairs"`
	// RunNsPerPkt is what BPF run statistics say, in ns a packet: with two readings of the
	// clock for each run of a program, and without the way to it.
	RunNsPerPkt float64 `json:"run_ns_per_pkt"`
}

// DropBuckets leaves out the buckets of histograms, which are as large as all else.
func (w *Watch) DropBuckets() {
	for name, l := range w.Latency {
		l.Buckets = nil
		w.Latency[name] = l
	}
	for i := range w.Queues {
		if l := w.Queues[i].Residency; l != nil {
			l.Buckets = nil
		}
	}
}

// Line is w as it is written, one JSON object: with its kind, and with empty maps and lists
// in place of nil ones.
func (w Watch) Line() ([]byte, error) {
	line, err := json.Marshal(w.Sealed())
	if err != nil {
		return nil, fmt.Errorf("write record: %w", err)
	}
	return append(line, '\n'), nil
}

// Sealed is w as Line writes it.
func (w Watch) Sealed() Watch {
	w.Kind = Kind
	w.Device.Flags, w.Device.Offloads, w.Device.Owners = list(w.Device.Flags), list(w.Device.Offloads), list(w.Device.Owners)
	w.Queues, w.GSO = list(w.Queues), list(w.GSO)
	w.Dropped, w.RecvDropped, w.Latency = table(w.Dropped), table(w.RecvDropped), table(w.Latency)
	if w.Errors != nil {
		e := *w.Errors
		e.Read, e.Write = table(e.Read), table(e.Write)
		w.Errors = &e
	}
	return w
}

func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

func table[V any](m map[string]V) map[string]V {
	if m == nil {
		return map[string]V{}
	}
	return m
}
