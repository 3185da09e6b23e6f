// Package peer is what tunbench does inside a virtual machine that is measured: it sets
// up the network device, sends and receives stamped packets, and answers what the host
// asks by a virtio-serial
// port.
package peer

import (
	"net"

	"tunbench/harness/netns"
	"tunbench/harness/sink"
	"tunbench/harness/spec"
)

const (
	// Command is the argument by which the guest's Init starts the peer.
	Command = "peer"
	// ConfigPath is a file in the guest that holds a Config.
	ConfigPath = "/etc/tunbench/peer.json"
	// Port is the name of the virtio-serial port by which the host asks and the peer
	// answers.
	Port = "tunbench"
)

// MAC is the address of the guest's network device.
var MAC = net.HardwareAddr{0x02, 0, 0, 0, 0, 2}

// Config is what the guest is to do.
type Config struct {
	Spec    spec.Spec
	Receive int // threads that receive; 0: none
	Send    int // threads that send; 0: none
}

// What the host asks: a line with a number and one of these words.
const (
	Ready  = "ready"  // not asked: the first answer, when receivers wait for packets
	Start  = "start"  // let the senders start
	Sample = "sample" // what was sent and received so far
	Look   = "look"   // also all counters
	Stop   = "stop"   // end the senders
	Finish = "finish" // end the receivers; also all counters, and each flow
)

// Answer is what the peer says, a line of JSON. Packets are those of all threads.
type Answer struct {
	ID    int    `json:"id"` // of what was asked; 0 of Ready
	Error string `json:"error,omitempty"`

	Delivered  uint64 `json:"delivered"`
	WireBytes  uint64 `json:"wire_bytes"`
	Reads      uint64 `json:"reads"`
	ReadCalls  uint64 `json:"read_calls"`
	Accepted   uint64 `json:"accepted"`
	PushedBack uint64 `json:"pushed_back"`
	SendCalls  uint64 `json:"send_calls"`

	Counters *Counters    `json:"counters,omitempty"`
	Received *sink.Counts `json:"received,omitempty"` // of Finish: by all receivers
	Flows    []Flow       `json:"flows,omitempty"`    // of Finish, up to MostFlows
}

// MostFlows is of how many flows the counts are handed out.
const MostFlows = 256

// Flow is what was counted of one flow.
type Flow struct {
	Sent uint64 `json:"sent"`
	sink.Flow
}

// Counters are what the guest's kernel has counted since it was booted.
type Counters struct {
	Link     netns.Counters        `json:"link"`
	Queues   []netns.QueueCounters `json:"queues,omitempty"`
	Stack    netns.Stack           `json:"stack"`
	Qdisc    uint64                `json:"qdisc"`    // dropped by the qdiscs of the link
	Overruns uint64                `json:"overruns"` // dropped by the sockets of the receivers
	Idle     bool                  `json:"idle"`     // no socket holds a packet
}
