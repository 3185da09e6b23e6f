package account

import (
	"tunbench/harness/packet"
	"tunbench/harness/sink"
	"tunbench/harness/spec"
	"tunbench/harness/traffic"
	"tunbench/harness/worker"
	"tunbench/reports/record"
)

// maxFlowRecords bounds the size of a record.
const maxFlowRecords = 256

// tallied is the end of packets as far as it counts them.
type tallied interface{ Seen() *sink.Tally }

// Direction is what sends and what reads in one direction of traffic.
type Direction struct {
	Dir     spec.Dir
	Senders []*traffic.Sender
	Readers []tallied
	// Queues says that reader i reads queue i of the device.
	Queues bool
	// Written is of how many queues sender i writes to queue i; 0 if none does.
	Written int
	// PerSKB is how many wire segments each skb of the device carries; above 1
	// the device moves GSO packets.
	PerSKB uint64
	// Counted says that the reader knows how many packets came, but nothing about
	// each.
	Counted bool
}

// Sample adds what the direction has done so far to s.
func (d *Direction) Sample(s *Sample) {
	var of DirectionSample
	for _, r := range d.Readers {
		p := r.Seen().Progress()
		of.delivered += p.Delivered
		of.wireBytes += p.WireBytes
		s.reads += p.Reads
		s.ReadCalls += p.Calls
		if d.Queues {
			of.ByQueue = append(of.ByQueue, p.Delivered)
		}
	}
	if d.Written > 0 {
		of.ByQueue = make([]uint64, d.Written) // of more queues than flows, some get nothing
	}
	for j, sender := range d.Senders {
		p := sender.Progress()
		if d.Written > 0 {
			of.ByQueue[j] = p.Accepted
		}
		s.SendCalls += p.Calls
		of.accepted += p.Accepted
		of.pushedBack += p.PushedBack
		s.sendNs += p.CallNs
		s.sendNs -= min(p.CallNs, uint64(float64(p.Looks)*worker.ClockCost()))
	}
	s.Delivered += of.delivered
	s.WireBytes += of.wireBytes
	s.Accepted += of.accepted
	s.PushedBack += of.pushedBack
	s.ByDirection = append(s.ByDirection, of)
}

// flows fills in what became of each flow. The flows of another direction have the
// same numbers, so that only those of one can be told.
func (d *Direction) flows(t *record.Trial, flows int) {
	if d.Queues {
		delivered := func(flow, queue int) uint64 { return d.Readers[queue].Seen().Flow(flow).Delivered }
		if share, ok := consistency(flows, len(d.Readers), delivered); ok {
			t.Metrics[record.FlowConsistency] = share
		}
	}
	if flows > maxFlowRecords || d.Counted {
		return
	}
	for flow := range flows {
		f := record.Flow{Flow: flow}
		for i, r := range d.Readers {
			seen := r.Seen().Flow(flow)
			if n := seen.Delivered; n > 0 && d.Queues && len(d.Readers) > 1 {
				if f.Queues == nil {
					f.Queues = map[int]uint64{}
				}
				f.Queues[i] = n
			}
			f.Delivered += seen.Delivered
			f.Duplicates += seen.Duplicates
			f.Reordered += seen.Reordered
		}
		s := d.Senders[flow%len(d.Senders)]
		f.Accepted = s.Sent()[flow/len(d.Senders)]
		t.Flows = append(t.Flows, f)
	}
}

// consistency is the share of the flows that came out of one queue only, of
// those with two packets at least; false if there are none, or one queue.
func consistency(flows, queues int, delivered func(flow, queue int) uint64) (float64, bool) {
	if queues < 2 {
		return 0, false
	}
	var all, one float64
	for flow := range flows {
		var packets uint64
		used := 0
		for queue := range queues {
			if n := delivered(flow, queue); n > 0 {
				packets += n
				used++
			}
		}
		if packets < 2 {
			continue
		}
		all++
		if used == 1 {
			one++
		}
	}
	return one / max(1, all), all > 0
}

// vnet is what the virtio-net headers said that the readers got; nil if there
// were none.
func vnet(readers []tallied) *record.Vnet {
	var sum sink.Vnet
	for _, r := range readers {
		sum.Add(&r.Seen().Vnet)
	}
	if sum.Headers == 0 {
		return nil
	}
	v := &record.Vnet{
		Headers: sum.Headers, GSO: map[string]uint64{}, Partial: sum.Partial, Full: sum.Full,
		Without: sum.Without, Summed: sum.Summed, Bad: map[string]uint64{}, Largest: sum.Largest,
	}
	for i, n := range sum.GSO {
		if n > 0 {
			v.GSO[sink.GSOName(i)] += n
		}
	}
	for fault, n := range sum.Bad {
		if n > 0 {
			v.Bad[packet.Fault(fault).String()] = n
		}
	}
	return v
}
