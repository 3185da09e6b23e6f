package iperf

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Result is what a client found, in its own units.
type Result struct {
	Sent, Received Sum
	// The other direction; nil if there was only one.
	SentBack, ReceivedBack *Sum
	MeanRTT                float64 // us, mean of the streams that it sent; 0 if not reported (before 3.2)
	Local, Remote          float64 // CPU in per cent
	Congestion             string  // control algorithm; "" if not reported
}

// Sum is the sum of all streams of one direction.
type Sum struct {
	Seconds       float64 `json:"seconds"`
	Bytes         float64 `json:"bytes"`
	BitsPerSecond float64 `json:"bits_per_second"`
	Retransmits   float64 `json:"retransmits"`
}

// output is the part of iperf3's JSON that is read. Pointers must be there.
type output struct {
	Error string `json:"error"`
	End   *struct {
		Streams []struct {
			Sender *struct {
				MeanRTT float64 `json:"mean_rtt"`
				// Sender is false of the streams of the other direction.
				Sender *bool `json:"sender"`
			} `json:"sender"`
		} `json:"streams"`
		Sent         *Sum `json:"sum_sent"`
		Received     *Sum `json:"sum_received"`
		SentBack     *Sum `json:"sum_sent_bidir_reverse"`
		ReceivedBack *Sum `json:"sum_received_bidir_reverse"`
		CPU          *struct {
			Host   float64 `json:"host_total"`
			Remote float64 `json:"remote_total"`
		} `json:"cpu_utilization_percent"`
		Congestion string `json:"sender_tcp_congestion"`
	} `json:"end"`
}

// Parse reads what a client wrote.
func Parse(text []byte) (*Result, error) {
	var o output
	if err := json.Unmarshal(text, &o); err != nil {
		return nil, fmt.Errorf("read its JSON: %w", err)
	}
	if o.Error != "" {
		return nil, errors.New(o.Error)
	}
	switch e := o.End; {
	case e == nil:
		return nil, errors.New("read its JSON: no end")
	case e.Sent == nil || e.Received == nil || e.CPU == nil:
		return nil, errors.New("read its JSON: end has no sum_sent, sum_received or cpu_utilization_percent")
	case (e.SentBack == nil) != (e.ReceivedBack == nil):
		return nil, errors.New("read its JSON: end has half of the other direction")
	case e.Received.Seconds <= 0 || e.Received.BitsPerSecond < 0:
		return nil, fmt.Errorf("read its JSON: %v bits per second in %v s", e.Received.BitsPerSecond, e.Received.Seconds)
	}
	r := &Result{
		Sent: *o.End.Sent, Received: *o.End.Received, SentBack: o.End.SentBack, ReceivedBack: o.End.ReceivedBack,
		Local: o.End.CPU.Host, Remote: o.End.CPU.Remote, Congestion: o.End.Congestion,
	}
	n := 0.0
	for _, s := range o.End.Streams {
		if s.Sender != nil && (s.Sender.Sender == nil || *s.Sender.Sender) {
			r.MeanRTT += s.Sender.MeanRTT
			n++
		}
	}
	if n > 0 {
		r.MeanRTT /= n
	}
	return r, nil
}

// Figures are those of the result by the names that iperf3 gives them.
func (r *Result) Figures() map[string]float64 {
	f := map[string]float64{
		"sum_sent.bits_per_second": r.Sent.BitsPerSecond, "sum_sent.retransmits": r.Sent.Retransmits,
		"sum_received.bits_per_second":         r.Received.BitsPerSecond,
		"cpu_utilization_percent.host_total":   r.Local,
		"cpu_utilization_percent.remote_total": r.Remote,
	}
	if r.MeanRTT > 0 {
		f["mean_rtt"] = r.MeanRTT
	}
	if r.ReceivedBack != nil {
		f["sum_sent_bidir_reverse.bits_per_second"] = r.SentBack.BitsPerSecond
		f["sum_sent_bidir_reverse.retransmits"] = r.SentBack.Retransmits
		f["sum_received_bidir_reverse.bits_per_second"] = r.ReceivedBack.BitsPerSecond
	}
	return f
}
