package record

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
)

// Read reads a run's file to its end. It skips unknown kinds and fields. A last line
// that is not whole JSON, as an interrupted write leaves it, becomes a warning.
//
// It returns an error that names the line for any other line that cannot be read, for a
// record without a field that identifies it or with null, a negative number or no
// number in place of a figure, and for a trial or a search that the file has twice.
//
// Trials of one scenario may share their Axes, which must not be changed.
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
	line int // the current line, from 1
	seen map[identity]int
}

// once refuses a record that the file has already held.
func (f *reader) once(is identity) error {
	if first, twice := f.seen[is]; twice {
		return fmt.Errorf("this record is in line %d already: each counts once, so take the copy out", first)
	}
	f.seen[is] = f.line
	return nil
}

// head holds the kind of a record and, of a header, what decides whether this package
// can read the file.
type head struct {
	Kind   Kind `json:"kind"`
	Schema int  `json:"schema"`
	Tool   Tool `json:"tool"`
}

// add adds the record in line. The error is a *json.SyntaxError if line is not JSON.
func (f *reader) add(line []byte) error {
	if bytes.HasPrefix(line, beginsTrial) {
		return f.addTrial(line) // nearly all lines of a file: they are parsed once
	}
	var h head
	// A field of another type is no reason to refuse an unknown kind, and for a newer
	// schema there is a better error, so this error is reported later.
	headErr := json.Unmarshal(line, &h)
	var broken *json.SyntaxError
	switch {
	case errors.As(headErr, &broken):
		return headErr
	case line[0] != '{':
		return errors.New("not a JSON object")
	case h.Kind == "" && headErr != nil:
		return headErr
	}
	switch h.Kind {
	case "":
		return errors.New(`no "kind": not a record of tunbench`)
	case KindRun:
		return f.addRun(line, h, headErr)
	case KindTrial:
		return f.addTrial(line)
	case KindSearch, KindProfile, KindVerdict, KindSkip, KindResume, KindEnd:
		if err := f.expects(h.Kind); err != nil {
			return err
		}
	}
	switch h.Kind {
	case KindSearch:
		return f.addSearch(line)
	case KindProfile:
		return f.addProfile(line)
	case KindVerdict:
		return decodeOnto(&f.Verdicts, line)
	case KindSkip:
		return decodeOnto(&f.Skips, line)
	case KindResume:
		return decodeOnto(&f.Resumes, line)
	case KindEnd:
		f.End = new(End)
		return decode(line, f.End)
	}
	return nil // a kind of a newer tunbench
}

// decodeOnto appends the record in line to list.
func decodeOnto[R any, P interface {
	*R
	Record
}](list *[]R, line []byte) error {
	var r R
	if err := decode(line, P(&r)); err != nil {
		return err
	}
	*list = append(*list, r)
	return nil
}

// addRun adds the header in line, whose head was decoded with the error headErr.
func (f *reader) addRun(line []byte, h head, headErr error) error {
	switch {
	case h.Schema > Schema:
		tool := h.Tool.Version
		if tool == "" {
			tool = "the version that wrote it"
		}
		return fmt.Errorf("schema %d, this tunbench reads up to %d: use tunbench %s or newer", h.Schema, Schema, tool)
	case headErr != nil:
		return headErr
	case h.Schema < 1:
		return fmt.Errorf("schema %d: there is no such schema", h.Schema)
	case f.Run != nil:
		return errors.New("a second run header: give each run as a file of its own")
	}
	f.Run = new(Run)
	return decode(line, f.Run)
}

// addSearch adds the search in line.
func (f *reader) addSearch(line []byte) error {
	var s Search
	if err := decode(line, &s); err != nil {
		return err
	}
	if err := f.once(identity{kind: KindSearch, shard: s.Shard, scenario: s.Scenario}); err != nil {
		return fmt.Errorf("%v: %w", s, err)
	}
	f.Searches = append(f.Searches, s)
	return nil
}

// addProfile adds the profile in line. It replaces an earlier one: a run that was resumed
// makes its profiles anew.
func (f *reader) addProfile(line []byte) error {
	var p Profile
	if err := decode(line, &p); err != nil {
		return err
	}
	same := func(q Profile) bool {
		return q.Scenario == p.Scenario && q.Variant == p.Variant && q.Subject == p.Subject && q.Shard == p.Shard
	}
	if i := slices.IndexFunc(f.Profiles, same); i >= 0 {
		f.Profiles[i] = p
		return nil
	}
	f.Profiles = append(f.Profiles, p)
	return nil
}

// addTrial adds the trial in line. Its error is that of add.
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
	nameReasons(&t, f.Run.Host.Kernel)
	f.Trials = append(f.Trials, t)
	return nil
}

// identity identifies a record: no two records of a file may have the same. In a file
// of tunbench ab two subjects may share a variant, so that the trial's number is part
// of the identity; elsewhere a pair has one trial of each arm.
type identity struct {
	kind     Kind
	shard    int
	scenario string
	arm      Arm
	variant  string
	pair     int
	trial    int
}

// beginsTrial is how Writer begins the line of a trial.
var beginsTrial = []byte(`{"kind":"trial",`)

// MaxLine is the length in bytes of the longest line that is written or read, with its
// newline. A trial with every histogram full needs less than 1 % of that.
const MaxLine = 64 << 20

// readLine appends the next line to buf, without its newline. It returns io.EOF with
// the last line if that has no newline.
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

// byteOrderMark is what some editors put at the beginning of a UTF-8 file.
const byteOrderMark = "\ufeff"

// textOf is the n-th line of a file, counted from 1, without a byte order mark and
// surrounding space.
func textOf(line []byte, n int) []byte {
	if n == 1 {
		line = bytes.TrimPrefix(line, []byte(byteOrderMark))
	}
	return bytes.TrimSpace(line)
}

// notFinite matches what other programs write for numbers that JSON does not have.
var notFinite = regexp.MustCompile(`"([^"]*)"\s*:\s*(-?(?:NaN|nan|Infinity|inf|Inf))\s*[,}\]]`)
