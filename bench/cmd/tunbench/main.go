// Command tunbench measures Linux TUN/TAP devices and says what it saw from
// inside the kernel.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"tunbench/harness/vm"
)

func main() {
	if vm.IsInit() {
		vm.Init() // does not return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the first signal ends the run in order, a second one kills
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}
