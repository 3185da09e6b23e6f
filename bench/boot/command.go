package boot

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"tunbench/bench/suite"
	"tunbench/harness/vm/guest"
)

// Paths in the guest. The first must be unique, because it is replaced in the output of
// the guest by the path on the host.
const (
	outDir      = guest.OutDir + "/tunbench-files"
	suitesDir   = "/etc/tunbench/suites"
	programsDir = "/etc/tunbench/programs"
	modulesDir  = "/etc/tunbench/modules"
)

// Command is a command line as it runs in a guest.
type Command struct {
	Job    guest.Job
	Out    string // the value of --out on the host, "" if there was none
	Writes bool   // it writes files
}

// fileFlags are the flags whose values name files that the guest needs, in folders of their
// own. split returns the path in a value and what stands before and behind it; ok is false
// where the value names no file.
var fileFlags = []struct {
	flag, dir string
	split     func(value string) (before, path, behind string, ok bool)
}{
	{"--suite", suitesDir, func(v string) (string, string, string, bool) { return "", v, "", suite.IsFile(v) }},
	{"--candidates", suitesDir, func(v string) (string, string, string, bool) { return "", v, "", true }},
	{"--program", programsDir, func(v string) (string, string, string, bool) { return "", v, "", true }},
	{"--module", modulesDir, func(v string) (string, string, string, bool) {
		name, file, ok := strings.Cut(v, "=")
		path, parameters, some := strings.Cut(file, " ")
		if some {
			parameters = " " + parameters
		}
		return name + "=", path, parameters, ok
	}},
}

// NewCommand rewrites the arguments of tunbench for a guest: --out becomes the folder
// that is handed to the host, and files that other flags name are copied into the guest.
func NewCommand(args []string) (Command, error) {
	var g Command
	var kept []string
	for i := 0; i < len(args); {
		v, width := valueOf(args, i, "--out")
		if width > 0 {
			g.Out, g.Writes = v, true
			i += width
			continue
		}
		kept = append(kept, args[i])
		i++
	}
	rewritten, err := carry(&g.Job, kept)
	if err != nil {
		return g, err
	}
	command := slices.IndexFunc(rewritten, func(arg string) bool { return !strings.HasPrefix(arg, "-") })
	if command >= 0 {
		switch rewritten[command] {
		case "vm", "kernels":
			return g, fmt.Errorf("%s in a guest: a guest cannot boot guests", rewritten[command])
		case "report", "compare", "history", "merge":
			return g, fmt.Errorf("%s in a guest: a guest has none of the files of this host; run it here, without vm", rewritten[command])
		case "run", "ab", "advise":
			g.Writes = true
		}
	}
	if g.Writes {
		rewritten = append(rewritten, "--out", outDir)
	}
	g.Job.Commands = [][]string{rewritten}
	return g, nil
}

// NewJob makes a job of command lines of tunbench that are written for a guest, but that
// their flags may name files of the host.
func NewJob(commands [][]string) (job guest.Job, err error) {
	for _, args := range commands {
		rewritten, err := carry(&job, args)
		if err != nil {
			return job, err
		}
		job.Commands = append(job.Commands, rewritten)
	}
	return job, nil
}

// carry adds the files that flags in args name to the job, and returns args with their
// names in the guest.
func carry(job *guest.Job, args []string) (rewritten []string, err error) {
	if job.Files == nil {
		job.Files = map[string][]byte{}
	}
next:
	for i := 0; i < len(args); {
		for _, f := range fileFlags {
			v, width := valueOf(args, i, f.flag)
			before, from, behind, ok := f.split(v)
			if width == 0 || !ok {
				continue
			}
			name, err := copyInto(job, f.flag, f.dir, from)
			if err != nil {
				return nil, err
			}
			rewritten = append(rewritten, f.flag, before+name+behind)
			i += width
			continue next
		}
		rewritten = append(rewritten, args[i])
		i++
	}
	return rewritten, nil
}

// valueOf returns the value of flag if that is the argument i, and how many arguments the
// two are: 0 if it is another argument.
func valueOf(args []string, i int, flag string) (v string, width int) {
	if v, ok := strings.CutPrefix(args[i], flag+"="); ok {
		return v, 1
	}
	if args[i] == flag && i+1 < len(args) {
		return args[i+1], 2
	}
	return "", 0
}

// prefix is that of the names of the files that the command writes in the guest.
var prefix = strings.TrimPrefix(outDir, guest.OutDir+"/") + "/"

// copyInto copies a file that a flag names into a folder of the guest, and returns its path
// there. Files of the same name get folders of their own.
func copyInto(job *guest.Job, flag, dir, from string) (string, error) {
	text, err := os.ReadFile(from)
	if err != nil {
		return "", fmt.Errorf("open %s: %w", strings.TrimPrefix(flag, "--"), err)
	}
	name := path.Join(dir, filepath.Base(from))
	for n := 2; ; n++ {
		other, taken := job.Files[name]
		if !taken || bytes.Equal(other, text) {
			break
		}
		name = path.Join(dir, strconv.Itoa(n), filepath.Base(from))
	}
	job.Files[name] = text
	return name, nil
}
