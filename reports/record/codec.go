package record

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
)

// FileName is the name of a run's file inside the run's folder.
const FileName = "run.jsonl"

// MaxLine is the length in bytes of the longest line that is written or read,
// the newline included. A trial with every histogram full needs less than 1 %
// of it.
const MaxLine = 64 << 20

// Record is one line of a file: a Run, a Trial, a Search, a Verdict, a Skip, a
// Resume or an End, or a pointer to one.
type Record interface {
	// seal gives a copy that is ready to be encoded: with its kind, and without
	// the nil maps and slices that JSON would spell null.
	seal() any
	// check refuses what JSON cannot hold, and what no reader may take for a
	// figure: see sound.
	check() error
	fmt.Stringer
}

// Writer writes records, one line each. It must not be used by two goroutines
// at once.
type Writer struct {
	w      io.Writer
	file   file  // nil unless Create opened a regular file
	end    int64 // length in bytes of the whole lines in file
	broken error // why nothing can be appended any more
	closer io.Closer
}

// file is what a Writer needs of an *os.File.
type file interface {
	io.WriterAt
	Stat() (fs.FileInfo, error)
	Sync() error
	Truncate(size int64) error
}

// NewWriter writes to w and syncs nothing.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Create makes the file at path, or empties the one that is there. Each record
// is synced to the disk before Write returns. What is not a regular file, such
// as a pipe, is written to without syncing.
func Create(path string) (*Writer, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
	if err != nil {
		return nil, fmt.Errorf("create run file: %w", err)
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("create run file: %w", err)
	}
	w := &Writer{w: f, closer: f}
	if !st.Mode().IsRegular() {
		return w, nil
	}
	w.file = f
	// The name of the file must survive a crash as its content does.
	if dir, err := os.Open(filepath.Dir(path)); err == nil {
		_ = dir.Sync() // some file systems cannot sync a folder, which loses nothing that was promised
		dir.Close()
	}
	return w, nil
}

// Append opens the file at path, which an interrupted run left, to write after
// its last whole line; a torn one is cut off.
func Append(path string) (*Writer, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("open run file: %w", err)
	}
	end, open, err := wholeLines(f)
	if err == nil {
		err = f.Truncate(end)
	}
	if err == nil && open {
		_, err = f.WriteAt([]byte{'\n'}, end)
		end++
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("open run file %s: %w", path, err)
	}
	return &Writer{w: f, closer: f, file: f, end: end}, nil
}

// wholeLines gives the length in bytes of what Read would read of f: the lines
// that are JSON. Open tells that the last of them lacks its newline. A line that
// is not JSON and not the last is an error: what is behind it must not be cut off.
func wholeLines(f io.Reader) (end int64, open bool, err error) {
	in := bufio.NewReaderSize(f, 1<<16)
	var line []byte
	for n := 1; ; n++ {
		line, err = readLine(in, line[:0])
		last := errors.Is(err, io.EOF)
		if err != nil && !last {
			return 0, false, err
		}
		text := textOf(line, n)
		switch {
		case len(text) > 0 && !json.Valid(text):
			if _, err := in.Peek(1); !last && err == nil {
				return 0, false, fmt.Errorf("line %d: not a JSON object", n)
			}
			return end, false, nil
		case last && len(text) == 0:
			return end, false, nil
		case last:
			return end + int64(len(line)), true, nil
		}
		end += int64(len(line)) + 1
	}
}

// byteOrderMark is what some editors put at the beginning of a UTF-8 file.
const byteOrderMark = "\ufeff"

// textOf is the text of the n-th line of a file, from 1, without a byte order
// mark and without the space around it.
func textOf(line []byte, n int) []byte {
	if n == 1 {
		line = bytes.TrimPrefix(line, []byte(byteOrderMark))
	}
	return bytes.TrimSpace(line)
}

// Write appends r as one line and, in a file made by Create, syncs it. A
// record that Read would refuse for one of its numbers (NaN, an infinity, a
// negative count) is refused with the name of the field.
// If Write fails, the file is cut back to the last whole record, so that
// writing may go on when there is room again.
func (w *Writer) Write(r Record) error {
	if w.broken != nil {
		return fmt.Errorf("write %s: %w", r, w.broken)
	}
	if err := r.check(); err != nil {
		return fmt.Errorf("write %s: %w", r, err)
	}
	var line bytes.Buffer
	enc := json.NewEncoder(&line)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r.seal()); err != nil {
		return fmt.Errorf("write %s: %w", r, err)
	}
	if line.Len() > MaxLine {
		return fmt.Errorf("write %s: its line of %d bytes is above the limit of %d", r, line.Len(), MaxLine)
	}
	if err := w.append(line.Bytes()); err != nil {
		return fmt.Errorf("write %s: %w", r, err)
	}
	return nil
}

// append writes line in one call and, to a file, all of it or nothing.
func (w *Writer) append(line []byte) error {
	if w.file == nil {
		n, err := w.w.Write(line)
		if err == nil && n < len(line) {
			err = io.ErrShortWrite
		}
		if err != nil && n > 0 {
			// A stream cannot be cut back: another record would follow half a line.
			w.broken = fmt.Errorf("the stream ends in a torn line: %w", err)
		}
		return err
	}
	// What another process appended is not overwritten: a lock keeps others out
	// (see Hold), but not on every file system, nor a program that asks for none.
	if st, err := w.file.Stat(); err == nil && st.Size() != w.end {
		w.broken = fmt.Errorf("another process writes the file: it has %d bytes, and %d were written here; the rest of this run is not recorded", st.Size(), w.end)
		return w.broken
	}
	n, err := w.file.WriteAt(line, w.end)
	if err == nil && n < len(line) {
		err = io.ErrShortWrite
	}
	if err == nil {
		err = w.file.Sync()
	}
	if err == nil {
		w.end += int64(len(line))
		return nil
	}
	if terr := w.file.Truncate(w.end); terr != nil {
		w.broken = fmt.Errorf("the file ends in a torn line that cannot be cut off: %w", terr)
		return errors.Join(err, w.broken)
	}
	return err
}

// Close closes the file that Create opened; to what NewWriter was given it
// does nothing.
func (w *Writer) Close() error {
	if w.closer == nil {
		return nil
	}
	if err := w.closer.Close(); err != nil {
		return fmt.Errorf("close run file: %w", err)
	}
	return nil
}

func (r Run) String() string { return "run header" }
func (t Trial) String() string {
	return fmt.Sprintf("trial %d (%s, pair %d, %s)", t.Trial, t.Scenario, t.Pair, t.Arm)
}
func (s Search) String() string  { return fmt.Sprintf("search of %s", s.Scenario) }
func (v Verdict) String() string { return fmt.Sprintf("verdict on %s of %s", v.Metric, v.Scenario) }
func (s Skip) String() string    { return fmt.Sprintf("skip of %s", s.Scenario) }
func (r Resume) String() string  { return "resume" }
func (e End) String() string     { return "end" }

// Sealed is r as Write puts it into a file: with its kind, and with empty maps and
// slices in place of nil ones.
func Sealed[R Run | Trial | Search | Verdict | Skip | Resume | End](r R) R {
	return any(r).(Record).seal().(R)
}

func (r Run) seal() any {
	r.Kind, r.Schema = KindRun, Schema
	fillSlice(&r.Args)
	fillMap(&r.Host.Mitigations)
	fillMap(&r.Host.Config)
	fillMap(&r.Host.Sysctl)
	fillSlice(&r.Hook.PassedOver)
	fillSlice(&r.Hook.Programs)
	fillMap(&r.Floor.CopyNs)
	if r.Plan != nil {
		p := *r.Plan
		fillSlice(&p.Arms)
		fillSlice(&p.Timings)
		r.Plan = &p
	}
	parts := slices.Clone(r.Parts)
	for i := range parts {
		parts[i].Run = parts[i].Run.seal().(Run)
		if e := parts[i].End; e != nil {
			end := e.seal().(End)
			parts[i].End = &end
		}
	}
	r.Parts = parts
	return r
}

func (t Trial) seal() any {
	t.Kind = KindTrial
	fillMap(&t.Axes)
	fillMap(&t.Metrics)
	fillSlice(&t.Windows)
	lat := make(map[string]Latency, len(t.Latency))
	for name, l := range t.Latency {
		fillSlice(&l.Buckets)
		lat[name] = l
	}
	t.Latency = lat
	fillMap(&t.Accounting.Dropped)
	fillMap(&t.Reads.Errors)
	fillSlice(&t.Device.Flags)
	fillSlice(&t.Device.Offloads)
	fillSlice(&t.CPUs.Sender)
	fillSlice(&t.CPUs.Reader)
	fillSlice(&t.Flags)
	if t.Writes != nil {
		w := *t.Writes
		fillMap(&w.Errors)
		t.Writes = &w
	}
	if t.Vnet != nil {
		v := *t.Vnet
		fillMap(&v.GSO)
		fillMap(&v.Bad)
		t.Vnet = &v
	}
	if t.Program != nil {
		g := *t.Program
		fillSlice(&g.Args)
		fillMap(&g.Figures)
		t.Program = &g
	}
	return t
}

func (s Search) seal() any {
	s.Kind = KindSearch
	fillMap(&s.Axes)
	fillSlice(&s.Goals)
	return s
}

func (v Verdict) seal() any {
	v.Kind = KindVerdict
	fillSlice(&v.Notes)
	return v
}

func (s Skip) seal() any {
	s.Kind = KindSkip
	fillMap(&s.Axes)
	return s
}

func (r Resume) seal() any {
	r.Kind = KindResume
	return r
}

func (e End) seal() any {
	e.Kind = KindEnd
	return e
}

func fillMap[M ~map[K]V, K comparable, V any](m *M) {
	if *m == nil {
		*m = M{}
	}
}

func fillSlice[S ~[]E, E any](s *S) {
	if *s == nil {
		*s = S{}
	}
}

// File is what was read from a run's file.
type File struct {
	Run      *Run // never nil
	Trials   []Trial
	Searches []Search
	Verdicts []Verdict
	Skips    []Skip
	Resumes  []Resume
	End      *End // nil if the run was interrupted
	// Warnings are for the user: what was skipped or contradicts itself.
	Warnings []string
}

// ReadFile reads the run file at path, which may also be the run's folder.
func ReadFile(path string) (*File, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read run file: %w", err)
	}
	if st.IsDir() {
		inside := filepath.Join(path, FileName)
		if _, err := os.Stat(inside); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("read run folder %s: there is no %s in it: %w", path, FileName, fs.ErrNotExist)
		}
		path = inside
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read run file: %w", err)
	}
	defer f.Close()
	got, err := Read(f)
	if err != nil {
		return nil, fmt.Errorf("read run file %s: %w", path, err)
	}
	return got, nil
}

// Read reads a run's file to its end. Kinds and fields that it does not know
// are skipped. A last line that is not whole JSON, which is what an interrupted
// write leaves, becomes a warning; any other line that cannot be read is an
// error that names the line. So is a record that lacks what it is known by, that
// has null, a negative number or none where a figure belongs, and a trial or a
// search that the file has already. Trials of one scenario may share their Axes,
// which are not to be changed.
func Read(r io.Reader) (*File, error) {
	in := bufio.NewReaderSize(r, 1<<16)
	f := &reader{File: new(File), seen: map[identity]int{}}
	axes := map[string]map[string]string{} // the trials of a scenario share one copy
	var line []byte
	for n := 1; ; n++ {
		var err error
		line, err = readLine(in, line[:0])
		last := errors.Is(err, io.EOF)
		if err != nil && !last {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if text := textOf(line, n); len(text) > 0 {
			f.line = n
			err := f.add(text)
			var broken *json.SyntaxError
			if errors.As(err, &broken) {
				if m := notFinite.FindSubmatch(text); m != nil {
					return nil, fmt.Errorf("line %d: %s is %s, which is no JSON number", n, m[1], m[2])
				}
				if _, perr := in.Peek(1); last || errors.Is(perr, io.EOF) {
					f.Warnings = append(f.Warnings, fmt.Sprintf("line %d, the last, is torn (%d bytes) and was skipped", n, len(line)))
					break
				}
				return nil, fmt.Errorf("line %d: not a JSON object", n)
			}
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", n, err)
			}
			if i := len(f.Trials) - 1; i >= 0 {
				t := &f.Trials[i]
				if same, ok := axes[t.Scenario]; ok && maps.Equal(same, t.Axes) {
					t.Axes = same
				} else {
					axes[t.Scenario] = t.Axes
				}
			}
		}
		if last {
			break
		}
	}
	if f.Run == nil {
		if len(f.Warnings) > 0 {
			return nil, fmt.Errorf("no run header: %s", f.Warnings[0])
		}
		return nil, errors.New("no run header: the file is empty")
	}
	f.reconcile()
	return f.File, nil
}

// reader is a File while it is read.
type reader struct {
	*File
	line int // at hand, from 1
	seen map[identity]int
}

// identity is what no two records of a file may have in common. In a file of
// tunbench ab two subjects may share a variant, so that the trial's number is
// part of it; elsewhere a pair has one trial of each arm.
type identity struct {
	kind     Kind
	shard    int
	scenario string
	arm      Arm
	variant  string
	pair     int
	trial    int
}

// once refuses a record that the file has already.
func (f *reader) once(is identity) error {
	if first, twice := f.seen[is]; twice {
		return fmt.Errorf("this record is in line %d already: each counts once, so take the copy out", first)
	}
	f.seen[is] = f.line
	return nil
}

// readLine appends the next line to buf, without its newline. It gives io.EOF
// with the last line if that has no newline.
func readLine(in *bufio.Reader, buf []byte) ([]byte, error) {
	for {
		part, err := in.ReadSlice('\n')
		if len(buf)+len(part) > MaxLine {
			return nil, fmt.Errorf("longer than %d bytes", MaxLine)
		}
		buf = append(buf, part...)
		switch {
		case err == nil:
			return buf[:len(buf)-1], nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return buf, err
		}
	}
}

// beginsTrial is how Writer begins the line of a trial.
var beginsTrial = []byte(`{"kind":"trial",`)

// add takes one line. The error is a *json.SyntaxError if that is not JSON.
func (f *reader) add(line []byte) error {
	if bytes.HasPrefix(line, beginsTrial) {
		return f.addTrial(line) // nearly all of a file: it is parsed once
	}
	var head struct {
		Kind   Kind `json:"kind"`
		Schema int  `json:"schema"`
		Tool   Tool `json:"tool"`
	}
	// A field of another type is no reason to refuse a kind that is not ours
	// or a schema that is newer, so this error waits.
	headErr := json.Unmarshal(line, &head)
	var broken *json.SyntaxError
	switch {
	case errors.As(headErr, &broken):
		return headErr
	case line[0] != '{':
		return errors.New("not a JSON object")
	}

	switch head.Kind {
	case "":
		if headErr != nil {
			return headErr
		}
		return errors.New(`no "kind": not a record of tunbench`)
	case KindRun, KindTrial, KindSearch, KindVerdict, KindSkip, KindResume, KindEnd:
	default:
		return nil
	}
	if head.Kind == KindRun {
		switch {
		case head.Schema > Schema:
			tool := head.Tool.Version
			if tool == "" {
				tool = "the version that wrote it"
			}
			return fmt.Errorf("schema %d, this tunbench reads up to %d: use tunbench %s or newer", head.Schema, Schema, tool)
		case headErr != nil:
			return headErr
		case head.Schema < 1:
			return fmt.Errorf("schema %d: there is no such schema", head.Schema)
		case f.Run != nil:
			return errors.New("a second run header: give each run as a file of its own")
		}
		f.Run = new(Run)
		return decode(line, f.Run)
	}
	if head.Kind == KindTrial {
		return f.addTrial(line)
	}
	if err := f.expects(head.Kind); err != nil {
		return err
	}
	switch head.Kind {
	case KindSearch:
		var s Search
		if err := decode(line, &s); err != nil {
			return err
		}
		if err := f.once(identity{kind: KindSearch, shard: s.Shard, scenario: s.Scenario}); err != nil {
			return fmt.Errorf("%v: %w", s, err)
		}
		f.Searches = append(f.Searches, s)
	case KindVerdict:
		var v Verdict
		if err := decode(line, &v); err != nil {
			return err
		}
		f.Verdicts = append(f.Verdicts, v)
	case KindSkip:
		var s Skip
		if err := decode(line, &s); err != nil {
			return err
		}
		f.Skips = append(f.Skips, s)
	case KindResume:
		var r Resume
		if err := decode(line, &r); err != nil {
			return err
		}
		f.Resumes = append(f.Resumes, r)
	case KindEnd:
		f.End = new(End)
		return decode(line, f.End)
	}
	return nil
}

// addTrial takes the line of a trial, as add does.
func (f *reader) addTrial(line []byte) error {
	var t Trial
	err := decode(line, &t)
	var broken *json.SyntaxError
	if errors.As(err, &broken) {
		return err
	}
	if err := f.expects(KindTrial); err != nil {
		return err
	}
	if err != nil {
		return err
	}
	is := identity{kind: KindTrial, shard: t.Shard, scenario: t.Scenario, arm: t.Arm, variant: t.Variant, pair: t.Pair}
	if t.Variant != "" {
		is.trial = t.Trial
	}
	if err := f.once(is); err != nil {
		return fmt.Errorf("%v: %w", t, err)
	}
	f.Trials = append(f.Trials, t)
	return nil
}

// expects refuses a record at a place of the file where there is none of its kind.
func (f *File) expects(kind Kind) error {
	switch {
	case f.Run == nil:
		return fmt.Errorf("no run header before the first %s record", kind)
	case f.End != nil:
		return fmt.Errorf("a %s record after the end record", kind)
	}
	return nil
}

// notFinite finds what other programs write for numbers that JSON does not have.
var notFinite = regexp.MustCompile(`"([^"]*)"\s*:\s*(-?(?:NaN|nan|Infinity|inf|Inf))\s*[,}\]]`)

// reconcile compares what the end record says with what is there.
func (f *File) reconcile() {
	if f.End == nil {
		return
	}
	if f.End.Trials != len(f.Trials) {
		f.Warnings = append(f.Warnings, fmt.Sprintf("the end record counts %s, the file holds %d", Plural(f.End.Trials, "trial", "trials"), len(f.Trials)))
	}
	if f.End.Skips != len(f.Skips) {
		f.Warnings = append(f.Warnings, fmt.Sprintf("the end record counts %s, the file holds %d", Plural(f.End.Skips, "skip", "skips"), len(f.Skips)))
	}
}
