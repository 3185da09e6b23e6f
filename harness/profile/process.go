package profile

import (
	"cmp"
	"debug/elf"
	"debug/gosym"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// process is a process of a trial, as it was while it ran.
type process struct {
	comm     string
	mappings []mapping // of executable code, sorted
}

// mapping is a part of a file in the memory of a process.
type mapping struct {
	begin, end, offset uint64
	path               string // as the process sees it
	reach              string // where this process can open it
}

// readProcess reads what a process has mapped.
func readProcess(pid int) (process, error) {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	comm, err := os.ReadFile(filepath.Join(dir, "comm"))
	if err != nil {
		return process{}, err
	}
	p := process{comm: strings.TrimSpace(string(comm))}
	maps, err := os.ReadFile(filepath.Join(dir, "maps"))
	if err != nil {
		return process{}, err
	}
	for line := range strings.Lines(string(maps)) {
		m, ok := parseMapping(line)
		if !ok {
			continue
		}
		m.reach = filepath.Join(dir, "map_files", fmt.Sprintf("%x-%x", m.begin, m.end))
		p.mappings = append(p.mappings, m)
	}
	return p, nil
}

// parseMapping reads a line of /proc/PID/maps that is about executable code.
func parseMapping(line string) (m mapping, ok bool) {
	fields := strings.Fields(line) // range, permissions, offset, device, inode, path
	if len(fields) < 6 || !strings.Contains(fields[1], "x") {
		return m, false
	}
	begin, end, _ := strings.Cut(fields[0], "-")
	var errs [3]error
	m.begin, errs[0] = strconv.ParseUint(begin, 16, 64)
	m.end, errs[1] = strconv.ParseUint(end, 16, 64)
	m.offset, errs[2] = strconv.ParseUint(fields[2], 16, 64)
	m.path = strings.Join(fields[5:], " ")
	return m, errs == [3]error{}
}

// at finds the mapping that holds an address.
func (p process) at(address uint64) (m mapping, ok bool) {
	i := slices.IndexFunc(p.mappings, func(m mapping) bool { return address >= m.begin && address < m.end })
	if i < 0 {
		return m, false
	}
	return p.mappings[i], true
}

// descendants lists the processes that this one has started, and those that they have.
func descendants(pid int) (list []int) {
	tasks, err := filepath.Glob(filepath.Join("/proc", strconv.Itoa(pid), "task", "*", "children"))
	if err != nil {
		return nil
	}
	for _, path := range tasks {
		children, err := os.ReadFile(path)
		if err != nil {
			continue // the thread has ended
		}
		for _, word := range strings.Fields(string(children)) {
			if child, err := strconv.Atoi(word); err == nil {
				list = append(append(list, child), descendants(child)...)
			}
		}
	}
	return list
}

// vhostWorkers lists the threads of the kernel that work for the vhost devices of a
// process. Since Linux 6.4 they are threads of the process itself, and not listed.
func vhostWorkers(pid int) (list []int) {
	names, err := filepath.Glob("/proc/[0-9]*/comm")
	if err != nil {
		return nil
	}
	want := "vhost-" + strconv.Itoa(pid)
	for _, path := range names {
		if comm, err := os.ReadFile(path); err == nil && strings.TrimSpace(string(comm)) == want {
			if worker, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
				list = append(list, worker)
			}
		}
	}
	return list
}

// object is a program or a library.
type object struct {
	name      string
	functions table            // by their address in the file's own layout
	segments  []elf.ProgHeader // that hold code
}

// readObject reads the names that a file has of its functions: those of its symbol table,
// or of Go's own, which a program has even if it was stripped. A file without any has no
// functions, and is no error.
func readObject(path, shown string) object {
	o := object{name: filepath.Base(shown)}
	f, err := elf.Open(path)
	if err != nil {
		return o
	}
	defer f.Close()
	for _, s := range f.Progs {
		if s.Type == elf.PT_LOAD && s.Flags&elf.PF_X != 0 {
			o.segments = append(o.segments, s.ProgHeader)
		}
	}
	symbols, err := f.Symbols()
	if err != nil || len(symbols) == 0 {
		symbols, _ = f.DynamicSymbols()
	}
	for _, s := range symbols {
		if elf.ST_TYPE(s.Info) == elf.STT_FUNC && s.Value != 0 {
			o.functions = append(o.functions, function{begin: s.Value, name: s.Name})
		}
	}
	o.functions = append(o.functions, goFunctions(f)...)
	slices.SortStableFunc(o.functions, func(a, b function) int { return cmp.Compare(a.begin, b.begin) })
	return o
}

// goFunctions reads the functions of a program of Go.
func goFunctions(f *elf.File) (list table) {
	lines, text := f.Section(".gopclntab"), f.Section(".text")
	if lines == nil || text == nil {
		return nil
	}
	data, err := lines.Data()
	if err != nil {
		return nil
	}
	t, err := gosym.NewTable(nil, gosym.NewLineTable(data, text.Addr))
	if err != nil {
		return nil
	}
	for _, f := range t.Funcs {
		list = append(list, function{begin: f.Entry, name: f.Name})
	}
	return list
}

// at names the code at an address of a mapping of o.
func (o object) at(m mapping, address uint64) string {
	offset := address - m.begin + m.offset
	for _, s := range o.segments {
		if offset >= s.Off && offset < s.Off+s.Filesz {
			if f, ok := o.functions.find(offset - s.Off + s.Vaddr); ok {
				return f.name
			}
		}
	}
	if strings.HasPrefix(o.name, "[") { // no file: [vdso]
		return o.name
	}
	return "[" + o.name + "]"
}

// ownNames names the code of this program at an address of a stack, the innermost first:
// several functions, where one was inlined into the other, or none where the address is
// in none of its functions. A return address is that behind the call.
func ownNames(address uint64, returns bool) (names []string) {
	pc := uintptr(address)
	if !returns {
		pc++
	}
	frames := runtime.CallersFrames([]uintptr{pc})
	for {
		f, more := frames.Next()
		if f.Function != "" {
			names = append(names, f.Function)
		}
		if !more {
			break
		}
	}
	return names
}
