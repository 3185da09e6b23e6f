package export

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tunbench/reports/document/compare"
	"tunbench/reports/fixture"
	"tunbench/reports/github"
	"tunbench/reports/metric"
	"tunbench/reports/record"
	"tunbench/reports/render"
	"tunbench/reports/verdict"
)

func compared(t *testing.T, base, next *record.File, o verdict.Options) *verdict.Comparison {
	t.Helper()
	o.BaseName, o.NewName = "before", "after"
	c, err := verdict.Compare(base, next, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// verdictsOf gives the verdicts by scenario and metric.
func verdictsOf(c *verdict.Comparison) map[string]record.Verdict {
	by := map[string]record.Verdict{}
	for _, v := range c.Verdicts {
		by[v.Scenario+" "+v.Metric] = v
	}
	return by
}

func TestCompareGolden(t *testing.T) {
	variants := map[string]map[string]string{}
	base, next := fixture.BeforeAndAfter()
	other := fixture.Stored(3, 3, nil)
	other.Run.Host.CPU, other.Run.Tool.Version, other.End = "ARM Neoverse-N1", "v0.2.0", nil
	for name, c := range map[string]*verdict.Comparison{
		"compare":         compared(t, base, next, verdict.Options{}),
		"compare-same":    compared(t, base, base, verdict.Options{}),
		"compare-few":     compared(t, fixture.Stored(1, 3, nil), fixture.Stored(2, 3, nil), verdict.Options{}),
		"compare-other":   compared(t, base, other, verdict.Options{}),
		"compare-hostile": compared(t, hostileSide(), next, verdict.Options{Allow: verdict.AllowFields}),
		"compare-ab":      abComparison(t),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for range 2 { // over what is there, to the same bytes
				if err := writeComparison(dir, c); err != nil {
					t.Fatal(err)
				}
			}
			var text, lines bytes.Buffer
			if err := render.ComparisonSummary(&text, c); err != nil {
				t.Fatal(err)
			}
			for _, l := range strings.Split(text.String(), "\n") {
				if n := len([]rune(l)); n > 100 {
					t.Errorf("a line of %d columns: %s", n, l)
				}
			}
			if strings.ContainsAny(text.String(), "\x1b\u202e\r\t") {
				t.Error("control characters reach the terminal")
			}
			enc := json.NewEncoder(&lines)
			for _, v := range append(slices.Clone(c.Verdicts), c.Taken()...) {
				if err := enc.Encode(v); err != nil {
					t.Fatal(err)
				}
			}
			for file, content := range map[string][]byte{"summary.txt": text.Bytes(), "verdicts.jsonl": lines.Bytes()} {
				if err := os.WriteFile(filepath.Join(dir, file), content, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			files := fixture.Contents(t, dir)
			checkShape(t, files)
			if !strings.HasSuffix(name, "hostile") { // of them the shape matters, and that all is told
				variants[name] = files
			}
			var alone bytes.Buffer
			if err := comparisonMarkdown(&alone, c); err != nil || strings.Contains(alone.String(), ".svg") {
				t.Errorf("without charts: %v", err)
			}
		})
	}
	fixture.Variations(t, "compare", variants)
	c := compared(t, base, next, verdict.Options{})
	if comparisonMarkdown(fixture.Failing{}, c) == nil || render.ComparisonSummary(fixture.Failing{}, c) == nil {
		t.Error("the writer's error is hidden")
	}
	if err := comparisonMarkdown(io.Discard, &verdict.Comparison{}); err != nil {
		t.Errorf("of nothing: %v", err)
	}
}

func TestCompareThresholds(t *testing.T) {
	base, next := fixture.Stored(1, 10, nil), fixture.Stored(2, 10, map[string]float64{fixture.Slow: 0.9})
	judged := func(o verdict.Options) record.Verdict {
		return verdictsOf(compared(t, base, next, o))[fixture.Slow+" pps"]
	}
	if v := judged(verdict.Options{Thresholds: map[string]float64{record.PPS: 0.2}}); v.Verdict != record.Equivalent || v.Threshold != 0.2 {
		t.Errorf("a threshold of its own: %+v", v)
	}
	// What the host cannot show is open; it is not equivalent.
	next = fixture.Stored(2, 10, map[string]float64{fixture.Slow: 0.95})
	sees := func(seen float64) func(string) (float64, bool) {
		return func(metric string) (float64, bool) { return seen, metric == record.PPS }
	}
	v := judged(verdict.Options{Seen: sees(0.08), Thresholds: map[string]float64{record.PPS: 0.01}})
	if v.Verdict != record.Inconclusive || v.Threshold != 0.08 || v.OwnThreshold == nil || *v.OwnThreshold != 0.01 || !slices.ContainsFunc(v.Notes, func(n string) bool {
		return strings.Contains(n, "exceeds the metric's threshold of 1.00 %, but not 8.00 %, the smallest change that an A/A run detected on this host")
	}) {
		t.Errorf("what the host can see: %+v", v)
	}
	if got := metric.ThresholdText(v); got != "8.00 % (equivalent: 1.00 %)" {
		t.Errorf("its threshold is shown as %q", got)
	}
	// A host that can see less than three times the threshold was disturbed.
	for seen, want := range map[float64]float64{0.09: 0.09, 0.0901: 0.03, 0.51: 0.03} {
		if v := judged(verdict.Options{Seen: sees(seen)}); v.Threshold != want || (v.OwnThreshold != nil) != (want > 0.03) {
			t.Errorf("a host that can see %v: %+v", seen, v)
		}
	}

	// The headers of the runs tell it too; the coarser of the two counts, if it is
	// used at all.
	base.Run.Sees, next.Run.Sees = map[string]float64{record.PPS: 0.02}, map[string]float64{record.PPS: 0.085}
	if v := judged(verdict.Options{}); v.Verdict != record.Inconclusive || v.Threshold != 0.085 {
		t.Errorf("what the runs say: %+v", v)
	}
	var b bytes.Buffer
	if err := render.ComparisonSummary(&b, compared(t, base, next, verdict.Options{})); err != nil || !strings.Contains(b.String(), "This host can detect changes of 8.5 % in pps;") {
		t.Errorf("%v; the summary does not tell: %s", err, b.String())
	}
	base.Run.Sees[record.PPS], next.Run.Sees[record.PPS] = 0.035, 0.51
	if v := judged(verdict.Options{}); v.Verdict != record.IndicativeRegression || v.Threshold != 0.035 {
		t.Errorf("beside a disturbed A/A run: %+v", v)
	}
}

// What the base has and the new side does not has a verdict of its own, stands in
// every report, and is no success without a flag. What only the new side has is
// no failure.
func TestCompareMissing(t *testing.T) {
	without := func(f *record.File, names ...string) *record.File {
		f.Trials = slices.DeleteFunc(f.Trials, func(t record.Trial) bool { return slices.Contains(names, t.Scenario) })
		return f
	}
	skipped := func(f *record.File, reason, detail string) *record.File {
		f.Skips = append(f.Skips, record.Skip{Scenario: fixture.Slow, Reason: reason, Detail: detail})
		return f
	}
	all := func() (names []string) {
		for name := range verdict.ByName(fixture.Stored(1, 6, nil)) {
			names = append(names, name)
		}
		return names
	}()
	next := func(change map[string]float64) *record.File { return fixture.Stored(2, 8, change) }
	cut := without(next(nil), fixture.Slow)
	cut.End = nil
	figureless := next(nil)
	for i := range figureless.Trials {
		if figureless.Trials[i].Scenario == fixture.Slow {
			figureless.Trials[i].Metrics, figureless.Trials[i].Latency = map[string]float64{}, nil
		}
	}
	armless := func(f *record.File, arm record.Arm) *record.File {
		f.Trials = slices.DeleteFunc(f.Trials, func(t record.Trial) bool { return t.Scenario == fixture.Slow && t.Arm == arm })
		return f
	}
	kind := func(k string) func(record.Verdict) bool { return func(v record.Verdict) bool { return v.Verdict == k } }
	for name, tt := range map[string]struct {
		base, next *record.File
		exit       int // without a flag
		allowed    int // with --allow missing
		verdict    string
		missing    string
		note       string
		headline   string
	}{
		"failed": {next(nil), skipped(without(next(nil), fixture.Slow), record.Failed, "open tun0: EIO"), 3, 0, record.InvalidVerdict, "new", "new: failed: open tun0: EIO",
			"Not measured on the new side, so not judged: " + fixture.Slow + " (failed: open tun0: EIO). --allow missing allows this."},
		"unsupported":  {next(nil), skipped(without(next(nil), fixture.Slow), record.Unsupported, "TUNSETOFFLOAD: EINVAL"), 3, 0, record.UnsupportedVerdict, "new", "new: unsupported: TUNSETOFFLOAD: EINVAL", fixture.Slow + " (unsupported: TUNSETOFFLOAD: EINVAL)"},
		"unprivileged": {next(nil), skipped(without(next(nil), fixture.Slow), record.Unprivileged, "EPERM"), 3, 0, record.UnsupportedVerdict, "new", "new: unprivileged: EPERM", fixture.Slow + " (unprivileged: EPERM)"},
		"gone":         {next(nil), without(next(nil), fixture.Slow), 3, 0, record.InvalidVerdict, "new", "new: not in the run", fixture.Slow + " (not in the run)"},
		"interrupted":  {next(nil), cut, 3, 0, record.InvalidVerdict, "new", "new: not in the run, which was interrupted", fixture.Slow + " (not in the run, which was interrupted)"},
		"no figures":   {next(nil), figureless, 3, 0, record.InvalidVerdict, "new", "new: its trials have none of the figures that base has", fixture.Slow + " (its trials have none"},
		"failed half way": {next(nil), skipped(next(nil), record.Failed, "EIO"), 3, 0, record.InvalidVerdict, "new", "new: failed: EIO; what was measured before the failure has verdicts of its own",
			fixture.Slow + " (failed: EIO; what was measured"},
		"without the arm that is judged": {armless(next(nil), record.Observed), armless(next(nil), record.Bare), 3, 0, record.NotComparable, "new", "the arm differs: bare, observed (--allow hook)", fixture.Slow + " (the arm differs: bare, observed"},
		"without its bare arm": {next(nil), armless(next(nil), record.Bare), 3, 0, record.InvalidVerdict, "new", "new: no bare trials in the run; the observed trials have verdicts of their own",
			fixture.Slow + " (no bare trials in the run; the observed trials have verdicts"},
		"new alone has a bare arm": {armless(next(nil), record.Bare), next(nil), 0, 0, record.Equivalent, "", "", ""},
		"neither has a bare arm":   {armless(next(nil), record.Bare), armless(next(nil), record.Bare), 0, 0, record.Equivalent, "", "", ""},
		"new alone":                {without(next(nil), fixture.Slow), next(nil), 0, 0, record.InvalidVerdict, "base", "base: not in the run", ""},
		"new alone supports it":    {skipped(without(next(nil), fixture.Slow), record.Unsupported, "EINVAL"), next(nil), 0, 0, record.UnsupportedVerdict, "base", "base: unsupported: EINVAL", ""},
		"new alone did not fail":   {skipped(without(next(nil), fixture.Slow), record.Failed, "EIO"), next(nil), 0, 0, record.InvalidVerdict, "base", "base: failed: EIO", ""},
		"a regression beside it":   {next(nil), without(next(map[string]float64{fixture.Fast: 0.5}), fixture.Slow), 3, 0, record.InvalidVerdict, "new", "new: not in the run", fixture.Slow + " (not in the run)"},
		"nothing in common": {without(next(nil), all[1:]...), without(next(nil), all[0]), 3, 3, record.InvalidVerdict, "", "",
			"Nothing could be judged: no scenario was measured on both sides."},
		"an empty new side": {next(nil), without(next(nil), all...), 3, 0, record.InvalidVerdict, "new", "new: not in the run", "Nothing could be judged: no scenario was measured on both sides."},
		"an empty base":     {without(next(nil), all...), next(nil), 3, 3, record.InvalidVerdict, "base", "base: not in the run", "Nothing could be judged: no scenario was measured on both sides."},
		"nothing on a side": {without(next(nil), all...), without(next(nil), all...), 3, 3, "", "", "", "Nothing could be judged: there is no figure to compare."},
	} {
		c := compared(t, tt.base, tt.next, verdict.Options{})
		if got := c.Exit(false); got != tt.exit {
			t.Errorf("%s: exit %d, want %d", name, got, tt.exit)
		}
		if got := c.Exit(true); tt.exit == 3 && got != 3 && !(got == 1 && strings.HasPrefix(name, "a regression")) || tt.exit == 0 && got == 3 {
			t.Errorf("%s: exit %d with --strict", name, got)
		}
		allowed := compared(t, tt.base, tt.next, verdict.Options{Allow: []string{verdict.AllowMissing}})
		if got := allowed.Exit(false); got != tt.allowed {
			t.Errorf("%s: exit %d with --allow missing, want %d", name, got, tt.allowed)
		}
		if tt.missing != "" && !slices.ContainsFunc(c.Verdicts, func(v record.Verdict) bool {
			return (v.Scenario == fixture.Slow || len(all) > 1 && strings.Contains(name, "empty")) && v.Verdict == tt.verdict && v.Missing == tt.missing && strings.Join(v.Notes, "; ") == tt.note
		}) {
			t.Errorf("%s: %+v", name, c.Verdicts)
		}
		if tt.verdict == "" && slices.ContainsFunc(c.Verdicts, kind(record.Equivalent)) {
			t.Errorf("%s: %+v", name, c.Verdicts)
		}
		var text bytes.Buffer
		if err := render.ComparisonSummary(&text, c); err != nil {
			t.Fatal(err)
		}
		summary, err := github.StepSummary(c, github.StepSummaryLimit)
		if err != nil {
			t.Fatal(err)
		}
		plain := strings.Join(strings.Fields(text.String()), " ")
		notes := github.Summary(c)
		loud := notes.Level == github.Error
		if tt.exit == 0 {
			if loud || strings.Contains(plain, "Not measured on") {
				t.Errorf("%s: %v\n%s", name, notes, plain)
			}
			continue
		}
		first, _, _ := strings.Cut(text.String(), "\n")
		if !strings.Contains(plain, tt.headline) || !strings.HasPrefix(first, "Nothing could be judged:") && !strings.HasPrefix(first, "Not measured on the new side, so not judged:") {
			t.Errorf("%s: the summary does not begin with %q:\n%s", name, tt.headline, text.String())
		}
		_, below, _ := strings.Cut(string(summary), "\n")
		if below = strings.TrimSpace(below); !strings.Contains(below[:min(200, len(below))], "Nothing could be judged:") && !strings.Contains(below[:min(200, len(below))], "Not measured on the new side, so not judged:") {
			t.Errorf("%s: the step summary begins with %.300s", name, summary)
		}
		if !loud {
			t.Errorf("%s: the annotation is no error: %v", name, notes)
		}
	}
}

// A file of tunbench ab that stopped early is judged as far as it goes, and says
// what is not.
func TestCompareVariantsCutShort(t *testing.T) {
	half := func(keep func(record.Trial) bool) *record.File {
		f := fixture.Pairs(1, 10)
		f.End = nil
		f.Trials = slices.DeleteFunc(f.Trials, func(t record.Trial) bool { return !keep(t) })
		return f
	}
	one := half(func(t record.Trial) bool { return t.Variant == "a" })
	spoilt := fixture.Pairs(1, 10)
	for i := range spoilt.Trials {
		spoilt.Trials[i].Flags = []string{record.FlagSteal}
	}
	judged := fixture.Pairs(1, 10)
	judged.Verdicts = []record.Verdict{{Scenario: "Tun/other", Metric: record.PPS, Verdict: record.Equivalent}}
	refused := fixture.Pairs(1, 0)
	refused.Verdicts = []record.Verdict{verdict.Lacking(fixture.Fast, record.PPS, "packets/s", record.NewSide, record.Unsupported, "EINVAL")}
	for name, tt := range map[string]struct {
		f    *record.File
		note string
	}{
		"one variant":    {one, "no pair of 10 trials of a and 0 of b has two valid trials"},
		"nothing valid":  {spoilt, "no pair of 10 trials of a and 10 of b has two valid trials"},
		"no verdict yet": {judged, "new: interrupted after 10 pairs, before a verdict"},
		"no trial":       {refused, "new: unsupported: EINVAL"},
	} {
		if !verdict.HoldsVariants(tt.f) {
			t.Errorf("%s: is no file of ab", name)
		}
		c, err := verdict.CompareVariants(tt.f, verdict.Options{BaseName: "x"})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if c.Exit(false) != 3 || !slices.ContainsFunc(c.Verdicts, func(v record.Verdict) bool { return slices.Contains(v.Notes, tt.note) }) {
			t.Errorf("%s: exit %d, %+v", name, c.Exit(false), c.Verdicts)
		}
		if err := render.ComparisonSummary(io.Discard, c); err != nil {
			t.Error(err)
		}
	}
}

func abComparison(t *testing.T) *verdict.Comparison {
	t.Helper()
	c, err := verdict.CompareVariants(fixture.Pairs(0.95, 10), verdict.Options{BaseName: "ab"})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The geometric mean is over what both sides measured: 0.9, 1.06 and four at 1,
// less the two that cannot be used.
func TestMeans(t *testing.T) {
	base, next := fixture.BeforeAndAfter()
	for _, m := range compare.New(compared(t, base, next, verdict.Options{})).Means() {
		if m.Metric == record.PPS && (m.Cells != 4 || math.Abs(m.Ratio-math.Pow(0.9*1.06, 0.25)) > 0.003) {
			t.Errorf("%+v", m)
		}
		if m.Metric == record.Loss || m.Metric == record.Jain {
			t.Errorf("of an absolute metric: %+v", m)
		}
	}
}

// Whatever two files hold, a comparison of them is an error or keeps its shape,
// and its verdicts can be printed.
//
// slow to fuzz: an input is two run files, compared and shown as a report, about 2 ms.
func FuzzCompare(f *testing.F) {
	seed := func(x, y []byte) {
		fixture.Readable(f, x, y)
		for view := range uint8(views + 1) {
			f.Add(x, y, view)
		}
	}
	line := func(s ...string) []byte { return []byte(strings.Join(s, "\n") + "\n") }
	header := `{"kind":"run","schema":1,"clock":"monotonic"}`
	seed(line(header, `{"kind":"trial","arm":"bare","pair":1,"trial":1,"scenario":"Tun/a=1","metrics":{"pps":1e308,"loss":7,"jain":2},"axes":{"queues":"2","load":"5pps"}}`, `{"kind":"end"}`),
		line(header, `{"kind":"trial","arm":"bare","pair":2,"trial":2,"scenario":"Tun/a=1","metrics":{"pps":1e-308,"loss":7,"bit_per_s":3},"latency":{"e2e":{"p50_ns":0}}}`, `{"kind":"skip","scenario":"<a>|","reason":"failed"}`))
	seed(line(header, `{"kind":"trial","scenario":"Tun","arm":"bare","trial":3,"variant":"a","pair":1,"metrics":{"pps":5}}`, `{"kind":"trial","scenario":"Tun","arm":"bare","trial":4,"variant":"b","pair":1,"metrics":{"pps":4}}`),
		line(header, `{"kind":"search","scenario":"x","goals":[{"name":"ndr_pps","resolved":true,"lower_pps":0,"upper_pps":0}]}`))
	f.Fuzz(func(t *testing.T, x, y []byte, view uint8) {
		a, errA := record.Read(bytes.NewReader(x))
		b, errB := record.Read(bytes.NewReader(y))
		if errA != nil || errB != nil {
			return
		}
		var c *verdict.Comparison
		var err error
		if verdict.HoldsVariants(a) {
			c, err = verdict.CompareVariants(a, verdict.Options{})
		} else {
			c, err = verdict.Compare(a, b, verdict.Options{})
		}
		if err != nil {
			return
		}
		if view%(views+1) < views {
			checkView(t, compare.New(c).Document(), view)
			return
		}
		if err := render.ComparisonSummary(io.Discard, c); err != nil {
			t.Fatal(err)
		}
		if _, err := json.Marshal(c.Verdicts); err != nil {
			t.Fatal(err)
		}
	})
}
