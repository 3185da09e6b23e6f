package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"tunbench/bench/boot"
	"tunbench/bench/completion"
	"tunbench/reports/record"
)

func vmCommand(a *app) *cobra.Command {
	var (
		session boot.Session
		kernels []string
	)
	cmd := &cobra.Command{
		Use:   "vm --kernel K [flags] -- COMMAND...",
		Short: "run a tunbench command inside a guest kernel",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 || cmd.ArgsLenAtDash() != 0 {
				return errors.New("give the command for the guest after --: tunbench vm --kernel 6.1 -- run --suite smoke")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := session.Machine.Check(); err != nil {
				return err
			}
			if len(kernels) == 0 {
				return fmt.Errorf("give --kernel; see %s --help", cmd.CommandPath())
			}
			command, err := boot.NewCommand(args)
			if err != nil {
				return err
			}
			planned, err := rehearse(a, args)
			if err != nil {
				return err
			}
			if command.Out != "" && session.Out != "" && command.Out != session.Out {
				return fmt.Errorf("--out %s and, after --, --out %s: leave one of them out", session.Out, command.Out)
			}
			session.Terminal, session.Command, session.Work = a.terminal(), command, planned.Work
			session.Out = cmp.Or(session.Out, command.Out)
			if planned.command == "run" {
				session.Report = func(dir string) error { return reportUnfinished(a, dir, planned) }
			}
			code, err := session.Run(cmd.Context(), kernels)
			if err != nil || code != 0 {
				return exitError{code, err} // without an error, the guest has said why
			}
			return nil
		},
	}
	machineFlags(cmd, &session.Machine, 1)
	f := cmd.Flags()
	f.StringArrayVar(&kernels, "kernel", nil, "kernel to boot: a release, bzImage or Image, folder, .deb or build tree (may repeat)")
	f.StringVar(&session.Out, "out", "", "folder for the guest's files (default reports/runs/<UTC time>-<kernel release>/)")
	_ = cmd.MarkFlagDirname("out")
	_ = cmd.RegisterFlagCompletionFunc("kernel", completion.Kernel)
	return cmd
}

// reportUnfinished reports on the run that a guest left in dir before its end, as the
// command in the guest would have.
func reportUnfinished(a *app, dir string, planned rehearsal) error {
	path := filepath.Join(dir, record.FileName)
	if text, err := os.ReadFile(path); err == nil && planned.asJSON {
		fmt.Fprintf(a.stdout, "%s", text)
	}
	if err := reportRun(a, dir, path, planned.outputs); err != nil {
		return fmt.Errorf("the report failed: %w", err)
	}
	return nil
}
