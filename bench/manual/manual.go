// Package manual writes manual pages from the help of commands.
package manual

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tunbench/reports/disk"
)

// Source is what the pages of one build have in common.
type Source struct {
	Version string
	Date    time.Time
}

// Write writes the page of cmd and those of its commands into dir.
func (s Source) Write(dir string, cmd *cobra.Command) error {
	if err := disk.MakeFolder(dir); err != nil {
		return fmt.Errorf("make manual folder: %w", err)
	}
	for _, c := range shownCommands(cmd) {
		if err := s.Write(dir, c); err != nil {
			return err
		}
	}
	path := filepath.Join(dir, pageName(cmd)+".1")
	if err := disk.Replace(path, []byte(s.page(cmd))); err != nil {
		return fmt.Errorf("write manual page: %w", err)
	}
	return nil
}

func shownCommands(cmd *cobra.Command) []*cobra.Command {
	return slices.DeleteFunc(slices.Clone(cmd.Commands()), func(c *cobra.Command) bool {
		return !c.IsAvailableCommand() || c.IsAdditionalHelpTopicCommand()
	})
}

func pageName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

// page renders the help of cmd in the language of man(7). The generator
// of cobra takes help for markdown, which loses text in <>, and does not know exit codes.
func (s Source) page(cmd *cobra.Command) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line(`.TH "%s" "1" "%s" "tunbench %s" "tunbench manual"`, roff(strings.ToUpper(pageName(cmd))), s.Date.Format(time.DateOnly), roff(s.Version))
	line(".SH NAME")
	line(`%s \- %s`, roff(pageName(cmd)), roff(cmd.Short))
	line(".SH SYNOPSIS")
	line(`\fB%s\fR%s`, roff(cmd.CommandPath()), roff(strings.TrimPrefix(cmd.UseLine(), cmd.CommandPath())))

	line(".SH DESCRIPTION")
	long := cmd.Long
	if long == "" {
		long = cmd.Short
	}
	for i, paragraph := range paragraphs(long) {
		switch {
		case strings.HasPrefix(paragraph, exitsPrefix):
		case strings.HasPrefix(paragraph, "\t") || strings.HasPrefix(paragraph, " "):
			line(".PP")
			example(&b, paragraph)
		default:
			if i > 0 {
				line(".PP")
			}
			for l := range strings.Lines(paragraph) {
				line("%s", roff(strings.TrimSpace(strings.TrimPrefix(l, "#### ")))) // cobra's own, in its help on completion
			}
		}
	}
	if commands := shownCommands(cmd); len(commands) > 0 {
		line(".SH COMMANDS")
		for _, c := range commands {
			line(".TP\n\\fB%s\\fR\n%s", roff(c.Name()), roff(c.Short))
		}
	}
	options(&b, "OPTIONS", cmd.NonInheritedFlags())
	options(&b, "OPTIONS OF ALL COMMANDS", cmd.InheritedFlags())
	if cmd.Example != "" {
		line(".SH EXAMPLES")
		example(&b, cmd.Example)
	}
	line(".SH EXIT STATUS")
	for _, e := range exits(cmd) {
		code, meaning, _ := strings.Cut(e, " ")
		line(".TP\n\\fB%s\\fR\n%s", code, roff(meaning))
	}
	if also := relatives(cmd); len(also) > 0 {
		line(".SH SEE ALSO")
		for i, name := range also {
			comma := ","
			if i == len(also)-1 {
				comma = ""
			}
			line(".BR %s (1)%s", roff(name), comma)
		}
	}
	return b.String()
}

// paragraphs are separated by empty lines.
func paragraphs(text string) []string {
	return slices.DeleteFunc(strings.Split(text, "\n\n"), func(p string) bool { return strings.TrimSpace(p) == "" })
}

// example writes text as it is, without filling lines.
func example(b *strings.Builder, text string) {
	b.WriteString(".RS 2\n.nf\n")
	for l := range strings.Lines(strings.Trim(text, "\n")) {
		b.WriteString(roff(strings.TrimSpace(l)) + "\n")
	}
	b.WriteString(".fi\n.RE\n")
}

func options(b *strings.Builder, heading string, flags *pflag.FlagSet) {
	if !flags.HasAvailableFlags() {
		return
	}
	fmt.Fprintf(b, ".SH %s\n", heading)
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		name := `\fB` + roff("--"+f.Name) + `\fR`
		if f.Shorthand != "" {
			name = `\fB` + roff("-"+f.Shorthand) + `\fR, ` + name
		}
		value, usage := pflag.UnquoteUsage(f)
		if value != "" {
			name += ` \fI` + roff(strings.TrimSuffix(value, "Array")) + `\fR`
		}
		if !slices.Contains([]string{"", "0", "0s", "false", "[]"}, f.DefValue) {
			usage += " (default " + f.DefValue + ")"
		}
		fmt.Fprintf(b, ".TP\n%s\n%s\n", name, roff(usage))
	})
}

// exitsPrefix begins the paragraph of the help of a command, or of tunbench, that lists
// the exit codes: each with its meaning, separated by semicolons.
const exitsPrefix = "Exit codes: "

// exits returns the exit codes of cmd, or those of all commands if cmd lists none.
func exits(cmd *cobra.Command) []string {
	for ; cmd != nil; cmd = cmd.Parent() {
		for _, p := range paragraphs(cmd.Long) {
			if list, ok := strings.CutPrefix(p, exitsPrefix); ok {
				list = strings.TrimSuffix(strings.Join(strings.Fields(list), " "), ".")
				return strings.Split(list, "; ")
			}
		}
	}
	return nil
}

// relatives returns the pages of the command above and of the commands below.
func relatives(cmd *cobra.Command) (names []string) {
	if cmd.HasParent() {
		names = append(names, pageName(cmd.Parent()))
	}
	for _, c := range shownCommands(cmd) {
		names = append(names, pageName(c))
	}
	return names
}
