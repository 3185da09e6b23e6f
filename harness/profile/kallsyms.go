package profile

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"tunbench/bpf"
)

// function is a function of the kernel or of a program. Its end is the beginning of the
// next one.
type function struct {
	begin uint64
	name  string
	of    string // module of the kernel, or file of a program; "" for the kernel itself
}

// table is functions sorted by address.
type table []function

// find returns the function at an address.
func (t table) find(address uint64) (f function, ok bool) {
	i, exact := slices.BinarySearchFunc(t, address, func(f function, a uint64) int { return cmp.Compare(f.begin, a) })
	if !exact {
		i--
	}
	if i < 0 {
		return f, false
	}
	return t[i], true
}

// kernelSymbols are the functions of the running kernel and its modules.
type kernelSymbols struct {
	functions table
	code      []bpf.CodeRange // for bpf.StackOptions
}

// symbols keeps what was read with each set of modules, since a kernel takes long to print
// its functions, and trials may take turns with two builds of a module.
var symbols = struct {
	sync.Mutex                           // guards read
	read       map[string]*kernelSymbols // by what loaded says of the modules
}{read: map[string]*kernelSymbols{}}

func kernelNames() (*kernelSymbols, error) {
	symbols.Lock()
	defer symbols.Unlock()
	modules, _ := os.ReadFile("/proc/modules") // a kernel without modules has none
	listed := loaded(string(modules), os.ReadFile)
	if read := symbols.read[listed]; read != nil {
		return read, nil
	}
	f, err := os.Open("/proc/kallsyms")
	if err != nil {
		return nil, fmt.Errorf("name the functions of the kernel: %w (CONFIG_KALLSYMS)", err)
	}
	defer f.Close()
	read, err := readKernelSymbols(f)
	if err != nil {
		return nil, err
	}
	if len(symbols.read) >= mostKept {
		clear(symbols.read)
	}
	symbols.read[listed] = read
	return read, nil
}

// mostKept is with how many sets of modules symbols are kept; some megabytes each.
const mostKept = 4

// loaded tells sets of modules apart: by the names and the addresses in /proc/modules,
// without the counts of users, which change, and by the build IDs, since another build may
// be loaded at the same address.
func loaded(modules string, read func(path string) ([]byte, error)) string {
	var b strings.Builder
	for line := range strings.Lines(modules) {
		if fields := strings.Fields(line); len(fields) > 5 {
			id, _ := read("/sys/module/" + fields[0] + "/notes/.note.gnu.build-id") // some are built without
			fmt.Fprintf(&b, "%s %s %x\n", fields[0], fields[5], id)
		}
	}
	return b.String()
}

// softirqFunctions are where softirqs are handled, under one name or another:
// handle_softirqs since Linux 6.9 (commit 1dd1eff161bd, also in stable kernels), before
// it __do_softirq, which begins a section of its own.
var softirqFunctions = []string{"handle_softirqs", "__do_softirq", "__softirqentry_text_start"}

// workerModule is that of the module whose work threads of the kernel do.
const workerModule = "wireguard"

// errHidden says that the kernel shows no addresses.
var errHidden = errors.New("the kernel hides the addresses of its functions in /proc/kallsyms")

// readKernelSymbols reads /proc/kallsyms.
func readKernelSymbols(r io.Reader) (*kernelSymbols, error) {
	k := new(kernelSymbols)
	lines := bufio.NewScanner(r)
	seen := false
	for lines.Scan() {
		f, ok := parseSymbol(lines.Text())
		if !ok {
			continue
		}
		seen = seen || f.begin != 0
		k.functions = append(k.functions, f)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("name the functions of the kernel: %w", err)
	}
	if !seen {
		reason := "profiles need CAP_SYSLOG, or root"
		if restricted, err := os.ReadFile("/proc/sys/kernel/kptr_restrict"); err == nil {
			reason = fmt.Sprintf("kernel.kptr_restrict is %s; set it to 1 (sysctl -w kernel.kptr_restrict=1) and run as root", strings.TrimSpace(string(restricted)))
		}
		return nil, fmt.Errorf("%w: %s", errHidden, reason)
	}
	// Of several names of one address, the plainest.
	slices.SortStableFunc(k.functions, func(a, b function) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(oddness(a.name), oddness(b.name)))
	})
	byName := map[string]uint64{}
	for _, f := range k.functions {
		byName[f.name] = f.begin
	}
	k.functions = slices.CompactFunc(k.functions, func(a, b function) bool { return a.begin == b.begin })
	k.code = k.codeRanges(byName)
	if len(k.code) == 0 {
		return nil, fmt.Errorf("name the functions of the kernel: /proc/kallsyms has none of %s, so softirqs cannot be recognized", strings.Join(softirqFunctions, ", "))
	}
	return k, nil
}

// parseSymbol reads a line: address, type, name and, in brackets, the module. BPF programs
// are left out: they come and go.
func parseSymbol(line string) (f function, ok bool) {
	fields := strings.Fields(line)
	if len(fields) < 3 || !strings.Contains("tTwW", fields[1]) || strings.ContainsAny(fields[2][:1], ".$") ||
		strings.HasPrefix(fields[2], "__pfx_") || strings.HasPrefix(fields[2], "__cfi_") {
		return f, false
	}
	if len(fields) > 3 {
		if f.of = strings.Trim(fields[3], "[]"); f.of == "bpf" {
			return f, false
		}
	}
	address, err := strconv.ParseUint(fields[0], 16, 64)
	f.begin, f.name = address, plainName(fields[2])
	return f, err == nil
}

// plainName is the name of a function in the source, which is the same in other kernels:
// without what the compiler added to a copy or to a part of it.
func plainName(name string) string {
	for _, suffix := range []string{".isra.", ".constprop.", ".part.", ".llvm.", ".cold"} {
		name, _, _ = strings.Cut(name, suffix)
	}
	return name
}

// oddness is higher for names that are less those of a function: of a section, or with
// underscores in front.
func oddness(name string) int {
	n := len(name) - len(strings.TrimLeft(name, "_"))
	if strings.HasSuffix(name, "_start") || strings.HasSuffix(name, "_end") || strings.HasSuffix(name, "text") {
		n += 10
	}
	return n
}

// codeRanges finds the code that shows what a sample is.
func (k *kernelSymbols) codeRanges(byName map[string]uint64) (list []bpf.CodeRange) {
	for _, name := range softirqFunctions {
		begin, ok := byName[name]
		if !ok {
			continue
		}
		i, _ := slices.BinarySearchFunc(k.functions, begin, func(f function, a uint64) int { return cmp.Compare(f.begin, a) })
		if i+1 < len(k.functions) && !slices.ContainsFunc(list, func(r bpf.CodeRange) bool { return r.Begin == begin }) {
			list = append(list, bpf.CodeRange{Begin: begin, End: k.functions[i+1].begin})
		}
	}
	list = list[:min(len(list), 3)]
	worker := bpf.CodeRange{Worker: true}
	for i, f := range k.functions {
		if f.of == workerModule && i+1 < len(k.functions) {
			if worker.Begin == 0 {
				worker.Begin = f.begin
			}
			worker.End = k.functions[i+1].begin
		}
	}
	if worker.Begin != 0 {
		list = append(list, worker)
	}
	return list
}

// kernelName names the code of the kernel at an address: a BPF program, or a function.
func kernelName(address uint64, programs []bpf.ProgramCode, k *kernelSymbols) Frame {
	i, exact := slices.BinarySearchFunc(programs, address, func(p bpf.ProgramCode, a uint64) int { return cmp.Compare(p.Begin, a) })
	if !exact {
		i--
	}
	if i >= 0 && address < programs[i].End {
		return Frame{programs[i].Name, "bpf"}
	}
	f, ok := k.functions.find(address)
	if !ok {
		return Frame{"[unknown]", kernelObject}
	}
	return Frame{f.name, cmp.Or(f.of, kernelObject)}
}

// kernelObject is what functions of the kernel itself are part of.
const kernelObject = "vmlinux"
