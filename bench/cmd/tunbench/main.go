// Command tunbench measures Linux TUN/TAP devices and says what it saw from
// inside the kernel.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"tunbench/harness/vm/guest"
)

func main() {
	if guest.IsInit() {
		guest.Init() // does not return
	}
	ctx := untilSignal(context.Background())
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// untilSignal gives a context that ends with the first signal to end: the run
// then ends in order, with its report. A second Ctrl-C or SIGTERM kills.
//
// SIGHUP, which the loss of a terminal sends, is such a signal too, unless nohup
// told to ignore it. It may come twice, from the shell and from the kernel, so
// that the second one is ignored; and what read from tunbench's standard output
// is likely gone as well, which must not kill before the report is written.
func untilSignal(ctx context.Context) context.Context {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	hangup := !signal.Ignored(syscall.SIGHUP)
	if hangup {
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, cancel := context.WithCancel(ctx)
	caught := make(chan os.Signal, 8)
	signal.Notify(caught, signals...)
	go func() {
		<-caught
		if hangup {
			signal.Ignore(syscall.SIGHUP, syscall.SIGPIPE)
		}
		cancel()
		signal.Stop(caught)
		// One that came before that counts as the second.
		for {
			select {
			case again := <-caught:
				if again != syscall.SIGHUP {
					_ = syscall.Kill(os.Getpid(), again.(syscall.Signal))
				}
			default:
				return
			}
		}
	}()
	return ctx
}
