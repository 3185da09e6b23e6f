// Command tunbench measures Linux TUN/TAP devices and observes them inside the kernel.
package main

import (
	"context"
	"os"

	"tunbench/bench/interrupt"
	"tunbench/harness/swap"
	"tunbench/harness/vm/guest"
	"tunbench/harness/vm/peer"
)

func main() {
	if guest.IsInit() {
		guest.Init() // does not return
	}
	peer.Main() // does not return in a guest that it was started in
	swap.Main() // does not return in a process that swap started
	ctx := interrupt.Context(context.Background())
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}
