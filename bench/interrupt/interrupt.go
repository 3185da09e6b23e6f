// Package interrupt ends a run in order at the first signal that asks for it.
package interrupt

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// oneRequest is how long after the first signal others are part of the same request.
const oneRequest = 300 * time.Millisecond

// Context returns a context that ends with the first signal to end: the run then
// ends in order, with its report. A second Ctrl-C or SIGTERM kills, unless it comes so soon
// that it is the same request: timeout(1) sends its signal to the process and then to the
// group that the process is in.
//
// SIGHUP, which is sent when a terminal is lost, is such a signal too, unless it is
// ignored because of nohup. It may come twice, from the shell and from the kernel, so
// the second one is ignored. The reader of standard output is then likely gone as well,
// so SIGPIPE is ignored too: it must not kill the process before the report is written.
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
		for over := time.After(oneRequest); ; {
			select {
			case <-caught:
			case <-over:
				signal.Stop(caught)
				return
			}
		}
	}()
	return ctx
}
