package boot

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"tunbench/bench/suite"
	"tunbench/harness/vm/guest"
)

// Paths in the guest. The first must be unique, because it is replaced in the output of
// the guest by the path on the host.
const (
	outDir    = guest.OutDir + "/tunbench-files"
	suitesDir = "/etc/tunbench/suites"
)

// Command is a command line as it runs in a guest.
type Command struct {
	Job    guest.Job
	Out    string // the value of --out on the host, "" if there was none
	Writes bool   // it writes files
}

// NewCommand rewrites the arguments of tunbench for a guest: --out becomes the folder
// that is handed to the host, and the file of a suite is copied into the guest.
func NewCommand(args []string) (Command, error) {
	var g Command
	value := func(args []string, i int, flag string) (v string, width int) {
		if v, ok := strings.CutPrefix(args[i], flag+"="); ok {
			return v, 1
		}
		if args[i] == flag && i+1 < len(args) {
			return args[i+1], 2
		}
		return "", 0
	}
	g.Job.Files = map[string][]byte{}
	var rewritten []string
	for i := 0; i < len(args); {
		if v, width := value(args, i, "--out"); width > 0 {
			g.Out, g.Writes = v, true
			i += width
			continue
		}
		v, width := value(args, i, "--suite")
		if width == 0 || !suite.IsFile(v) {
			rewritten = append(rewritten, args[i])
			i++
			continue
		}
		text, err := os.ReadFile(v)
		if err != nil {
			return g, fmt.Errorf("open suite: %w", err)
		}
		name := path.Join(suitesDir, filepath.Base(v))
		g.Job.Files[name] = text
		rewritten = append(rewritten, "--suite", name)
		i += width
	}
	command := slices.IndexFunc(rewritten, func(arg string) bool { return !strings.HasPrefix(arg, "-") })
	if command >= 0 {
		switch rewritten[command] {
		case "vm", "kernels":
			return g, fmt.Errorf("%s in a guest: a guest cannot boot guests", rewritten[command])
		case "report", "compare", "history", "merge":
			return g, fmt.Errorf("%s in a guest: a guest has none of the files of this host; run it here, without vm", rewritten[command])
		case "run", "ab":
			g.Writes = true
		}
	}
	if g.Writes {
		rewritten = append(rewritten, "--out", outDir)
	}
	g.Job.Commands = [][]string{rewritten}
	return g, nil
}

// prefix is that of the names of the files that the command writes in the guest.
var prefix = strings.TrimPrefix(outDir, guest.OutDir+"/") + "/"
