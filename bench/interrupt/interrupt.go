// Package interrupt ends a run in order at the first signal that asks for it.
package interrupt

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// Context returns a context that ends with the first signal to end: the run then
// ends in order, with its report. A second Ctrl-C or SIGTERM kills.
//
// SIGHUP, which the loss of a terminal sends, is such a signal too, unless nohup
// told to ignore it. It may come twice, from the shell and from the kernel, so
// that the second one is ignored; and what read from tunbench's standard output
// is likely gone as well, which must not kill before the report is written.
func Context(ctx context.Context) context.Context {
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
