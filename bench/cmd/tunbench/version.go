package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"tunbench/reports/record"
)

// Set by the linker: -X main.version=v1.2.3 -X main.commit=0123abc. Empty
// values are filled from what the Go toolchain recorded.
var version, commit string

func versionCommand(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "print the version of tunbench",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			t := tool()
			if asJSON {
				return json.NewEncoder(a.stdout).Encode(t)
			}
			_, err := fmt.Fprintf(a.stdout, "tunbench %s (commit %s, %s, %s/%s)\n", t.Version, t.Commit, t.Go, runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object: version, commit, go")
	return cmd
}

// tool names this build.
func tool() record.Tool {
	t := record.Tool{Version: version, Commit: commit, Go: runtime.Version()}
	if info, ok := debug.ReadBuildInfo(); ok {
		t.Version = cmp.Or(t.Version, info.Main.Version)
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && t.Commit == "" {
				t.Commit = s.Value
			}
		}
	}
	t.Version, t.Commit = cmp.Or(t.Version, "(devel)"), cmp.Or(t.Commit, "unknown")
	return t
}
