package main

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"tunbench/bench/manual"
)

// manCommand writes the manual. It is for packagers and hidden.
func manCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:    "man DIR",
		Short:  "write the manual pages of all commands",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			epoch := os.Getenv("SOURCE_DATE_EPOCH")
			seconds, err := strconv.ParseInt(epoch, 10, 64)
			if err != nil {
				return fmt.Errorf("SOURCE_DATE_EPOCH %q: give the date of the pages, in seconds since 1970", epoch)
			}
			source := manual.Source{Version: tool().Version, Date: time.Unix(seconds, 0).UTC()}
			return source.Write(args[0], cmd.Root())
		},
	}
}
