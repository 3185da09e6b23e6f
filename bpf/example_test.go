package bpf_test

import (
	"fmt"
	"log"
	"time"

	"tunbench/bpf"
)

// A VPN observes its own device for a second.
func Example() {
	target, err := bpf.Here("tun0", 1)
	if err != nil {
		log.Fatal(err)
	}
	target.Direction = bpf.Both
	o, err := bpf.Open(bpf.Options{Hook: bpf.Auto, Target: target})
	if err != nil {
		log.Fatal(err) // names each hook and why it cannot be used
	}
	defer o.Close()
	if err := o.Measure(true); err != nil {
		log.Fatal(err)
	}
	time.Sleep(time.Second)
	s, err := o.Snapshot()
	if err != nil {
		log.Fatal(err)
	}
	for i, q := range s.Queues {
		p99, _ := q.Residency.Quantile(0.99)
		fmt.Printf("queue %d: %d packets read, %d written, p99 %d ns\n", i, q.ReadPkts, q.RecvPkts, p99)
	}
	fmt.Println("dropped:", s.Drops)
}
