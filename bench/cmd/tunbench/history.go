package main

import (
	"github.com/spf13/cobra"

	"tunbench/bench/history"
)

func historyCommand(a *app) *cobra.Command {
	return history.Command(history.Output{
		Stdout: a.stdout, Quiet: func() bool { return a.quiet }, Warnf: a.warnf,
		Exit: func(code int, because error) error { return exitError{code, because} },
	})
}
