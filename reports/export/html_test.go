package export

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/quick"
	"time"
	"unicode"

	"golang.org/x/net/html"
	"golang.org/x/sys/unix"

	"tunbench/reports/chart"
	"tunbench/reports/chart/style"
	"tunbench/reports/document"
	"tunbench/reports/document/compare"
	"tunbench/reports/document/kernels"
	"tunbench/reports/document/run"
	"tunbench/reports/fixture"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/render"
	"tunbench/reports/text"
	"tunbench/reports/verdict"
)

func pageOf(t testing.TB, d document.Document) string {
	t.Helper()
	var b bytes.Buffer
	if err := render.HTML(&b, d); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// hostileFile has a name from outside wherever one can be.
func hostileFile(name string) *record.File {
	f := fixture.Synthetic()
	f.Run.Host.Kernel, f.Run.Suite, f.Run.Host.Cmdline, f.Warnings = name, name, name, []string{name}
	f.Run.Host.Sysctl[name], f.Run.Host.Config["x"] = name, name
	f.Run.Hook.PassedOver[0].Reason = name
	for i := range f.Trials {
		t := &f.Trials[i]
		if i%10 > 5 {
			t.Scenario = name + "/" + t.Scenario
		}
		t.Flags, t.Notes = append(t.Flags, name), append(t.Notes, name)
		t.Accounting.Dropped[name] = 7
		t.Device.Qdisc = name
	}
	return f
}

// documents are all reports that the tests make, by name.
func documents(t *testing.T) map[string]document.Document {
	docs := map[string]document.Document{"hostile": run.New(hostileFile(fixture.Hostile)), "nothing": {}, "limit": run.New(fixture.Loads(6)), "curves": run.New(fixture.Curves())}
	for name, f := range fixture.Variants() {
		docs[name] = run.New(f)
	}
	base, next := fixture.BeforeAndAfter()
	for name, c := range map[string]*verdict.Comparison{
		"compare":      compared(t, base, next, verdict.Options{}),
		"compare-few":  compared(t, fixture.Stored(1, 3, nil), fixture.Stored(2, 3, nil), verdict.Options{}),
		"compare-ab":   abComparison(t),
		"compare-none": {},
	} {
		docs[name] = compare.New(c).Document()
	}
	for name, k := range kernelVariants() {
		docs["kernels-"+name] = kernels.New(verdict.NewLab(k)).Document()
	}
	return docs
}

// The pages are stored without their style and script, which are those in package render.
func TestHTMLGolden(t *testing.T) {
	css, err := os.ReadFile("../render/html.css")
	if err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile("../render/html.js")
	if err != nil {
		t.Fatal(err)
	}
	rules := style.Colours() + string(css) + style.Rules()
	docs, variants := documents(t), map[string]map[string]string{}
	for _, name := range []string{"bare-trial", "compare-few"} {
		dir := t.TempDir()
		for range 2 { // over what is there, to the same bytes
			files, err := render.HTMLFiles(docs[name])
			if err != nil {
				t.Fatal(err)
			}
			if err := render.WriteFiles(dir, files); err != nil {
				t.Fatal(err)
			}
		}
		// html/template writes a plus as a reference.
		page := strings.ReplaceAll(fixture.Contents(t, dir)[render.HTMLName], "&#43;", "+")
		for long, short := range map[string]string{
			"<style>" + rules + "</style>": "<style/>", "<script>" + string(script) + "</script>": "<script/>",
			"style-src " + render.PolicyHash(rules) + ";": "style-src (the style);", "script-src " + render.PolicyHash(string(script)) + ";": "script-src (the script);",
		} {
			if strings.Count(page, long) != 1 {
				t.Errorf("%s: not once in the page: %.200s", name, long)
			}
			page = strings.Replace(page, long, short, 1)
		}
		variants["html-"+name] = map[string]string{"page.html": page}
	}
	fixture.Variations(t, "html-bare-trial", variants)
}

func TestHTMLShape(t *testing.T) {
	for name, d := range documents(t) {
		t.Run(name, func(t *testing.T) {
			page := pageOf(t, d)
			if page != pageOf(t, d) {
				t.Error("another page of the same document differs")
			}
			checkPage(t, page)
			checkTold(t, d, page)
		})
	}
	if render.HTML(fixture.Failing{}, document.Document{}) == nil {
		t.Error("the writer's error is hidden")
	}
	if render.HTML(io.Discard, document.Document{Sections: []document.Section{{Blocks: []document.Block{7}}}}) == nil {
		t.Error("a block that no renderer knows is dropped in silence")
	}
}

// pageElements are those that a page may have; a file must not add to them.
var pageElements = strings.Fields(`html head meta title link style body a header h1 h2 h3 button nav details summary ol ul li main p pre strong code section
	div table caption thead tbody tr th td span figure figcaption script svg desc rect line text circle path polyline`)

// void elements have no end.
var void = map[string]bool{"meta": true, "link": true}

// checkPage makes sure that page is well-formed, that nothing in it comes from
// outside but text, and that it has what a screen reader needs.
func checkPage(t *testing.T, page string) {
	t.Helper()
	var open []string
	in := func(name string) bool { return slices.Contains(open, name) }
	ids, targets, scripts := map[string]bool{}, []string{}, 0
	columns, cells := 0, 0
	z := html.NewTokenizer(strings.NewReader(page))
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			if !errors.Is(z.Err(), io.EOF) {
				t.Error(z.Err())
			}
			break
		}
		tok := z.Token()
		switch kind {
		case html.TextToken:
			if i := strings.IndexFunc(tok.Data, func(r rune) bool { return r != '\n' && r != ' ' && !unicode.IsPrint(r) }); i >= 0 {
				t.Errorf("control characters in %q", tok.Data)
			}
			if in("script") && tok.Data != render.HTMLScript {
				t.Errorf("a script from outside: %q", tok.Data)
			}
		case html.CommentToken:
			t.Errorf("a comment: %q", tok.Data)
		case html.EndTagToken:
			if len(open) == 0 || open[len(open)-1] != tok.Data {
				t.Fatalf("</%s> inside of %v", tok.Data, open)
			}
			open = open[:len(open)-1]
			if tok.Data == "tr" {
				if in("thead") {
					columns = cells
				} else if cells != columns {
					t.Errorf("a row has %d cells, its table %d columns", cells, columns)
				}
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			if !slices.Contains(pageElements, tok.Data) && tok.Data != "title" {
				t.Errorf("<%s> inside of %v", tok.Data, open)
			}
			has := map[string]string{}
			for _, a := range tok.Attr {
				if _, twice := has[a.Key]; twice || strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "src" {
					t.Errorf("<%s %s=%q>", tok.Data, a.Key, a.Val)
				}
				has[a.Key] = a.Val
				if strings.Contains(a.Val, "NaN") && tok.Data != "meta" && a.Key != "aria-label" {
					t.Errorf("<%s %s=%q>", tok.Data, a.Key, a.Val)
				}
			}
			if id, ok := has["id"]; ok {
				if ids[id] {
					t.Errorf("id %q twice", id)
				}
				ids[id] = true
			}
			if href, ok := has["href"]; ok {
				if target, inside := strings.CutPrefix(href, "#"); inside {
					targets = append(targets, target)
				} else if href != "data:," {
					t.Errorf("a link out of the page: %q", href)
				}
			}
			switch tok.Data {
			case "tr":
				cells = 0
			case "th", "td":
				cells++
				if _, ok := has["scope"]; ok != (tok.Data == "th") {
					t.Errorf("<%s> with scope %q", tok.Data, has["scope"])
				}
			case "script":
				scripts++
			case "svg":
				if strings.HasPrefix(has["class"], "bar") { // its figure is in the cell
					if has["aria-hidden"] != "true" {
						t.Errorf("a bar is read aloud: %v", has)
					}
				} else if has["aria-label"] == "" || has["role"] != "img" {
					t.Errorf("a chart says nothing: %v", has)
				}
			}
			if kind == html.StartTagToken && !void[tok.Data] {
				open = append(open, tok.Data)
			}
		}
	}
	if len(open) > 0 {
		t.Errorf("not closed: %v", open)
	}
	for _, target := range targets {
		if !ids[target] {
			t.Errorf("a link to %q, which is not there", target)
		}
	}
	for _, once := range []string{"<!DOCTYPE html>", render.PolicyHash(render.HTMLScript), "<main ", "<h1>", "<title>"} {
		if !strings.Contains(page, once) {
			t.Errorf("the page has no %s", once)
		}
	}
	if scripts != 1 || strings.Count(page, "<table") != strings.Count(page, "<caption>") {
		t.Errorf("%d scripts, %d tables, %d captions", scripts, strings.Count(page, "<table"), strings.Count(page, "<caption>"))
	}
}

// textOf is what a reader of page sees, without white space; a name that is
// repeated for the sake of sorting counts once.
func textOf(t *testing.T, page string) string {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	var walk func(n *html.Node)
	walk = func(n *html.Node) {
		switch {
		case n.Type == html.TextNode:
			b.WriteString(n.Data)
		case n.Data == "style" || n.Data == "script" || n.Data == "caption":
			return
		case slices.Contains(n.Attr, html.Attribute{Key: "class", Val: "again"}):
			return
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(root)
	return squeeze(b.String())
}

func squeeze(s string) string { return strings.Join(strings.Fields(s), "") }

// checkTold makes sure that the page has every text of the document, in its
// order.
func checkTold(t *testing.T, d document.Document, page string) {
	t.Helper()
	_, main, _ := strings.Cut(page, "<main ")
	rest := textOf(t, "<main "+main)
	tell := func(s string) {
		t.Helper()
		want := squeeze(text.Printable(s))
		at := strings.Index(rest, want)
		if at < 0 {
			t.Fatalf("the page does not tell %q", s)
		}
		rest = rest[at+len(want):]
	}
	var of func(b document.Block)
	of = func(b document.Block) {
		switch v := b.(type) {
		case prose.Prose:
			tell(document.PlainText(v))
		case document.Small:
			tell(document.PlainText(prose.Prose(v)))
		case document.Bullets:
			for _, item := range v {
				tell(document.PlainText(item))
			}
		case document.Listing:
			for line := range strings.SplitSeq(strings.TrimRight(v.Text, "\n"), "\n") {
				tell(strings.TrimLeft(line, "\t"))
			}
		case document.Fold:
			if !v.Empty() {
				tell(v.Summary)
				for _, b := range v.Blocks {
					of(b)
				}
			}
		case document.Picture:
			title, desc := v.Chart.Head()
			tell(title)
			tell(desc)
		case document.Table:
			if len(v.Rows) == 0 {
				return
			}
			v = v.LeadFirst()
			tell(v.Fold)
			for _, c := range v.Columns {
				tell(c.Name)
			}
			for _, r := range v.Rows {
				for _, c := range r {
					tell(document.PlainText(c))
				}
			}
			tell(document.PlainText(v.Note))
		default:
			t.Fatalf("unknown block %T", b)
		}
	}
	for _, a := range d.Alerts {
		of(a)
	}
	of(d.Lead)
	of(document.Bullets(d.Points))
	for _, s := range d.Sections {
		tell(s.Heading)
		for _, b := range s.Blocks {
			of(b)
		}
	}
}

// dangerous are names that mean something where they are put.
var dangerous = []string{fixture.Hostile, `</script><script>alert(1)</script>`, `" onload="alert(1)`, `'><img src=x onerror=alert(1)>`, `</style>`, `<!--`, `]]>`, `&lt;b&gt;`, "a,b;c\nd\r\n",
	"\x00\x07\x1b[31m\u202e\u2028", "\xff\xfe", "ü ≥ 漢 🙂", "`", "=1+1", "", " ", "</title></svg>"}

// documentNamed is a document that has name in every place.
func documentNamed(name string) document.Document {
	return document.Document{
		Title: name, Alerts: []prose.Prose{prose.Say(name)}, Lead: prose.Say(name, prose.Mono(name), prose.Bold(name)), Points: []prose.Prose{prose.Say(name)},
		Sections: []document.Section{{Heading: name, Blocks: []document.Block{
			prose.Say(name), document.Small(prose.Say(name)), document.Bullets{prose.Say(prose.Mono(name))}, document.Listing{Language: "c", Text: name},
			document.Table{Columns: slices.Concat(document.Text(name), document.Numeric(name)), Rows: [][]prose.Prose{document.Row(name, name), document.Row(prose.Mono(name), prose.Bold(name))}, Note: prose.Say(name), Fold: name + "x"},
			document.Picture{File: "x.svg", Alt: "Chart of " + name, Chart: chart.Ratios{Title: name, Desc: name, Unit: name, Shared: name, Groups: []chart.RatioGroup{{Name: name, Bars: []chart.RatioBar{{Label: name, Value: 1, Text: name, Ratio: name}}}}}},
			document.Fold{Summary: name, Blocks: []document.Block{prose.Say(name)}},
		}}, {Heading: name, Sub: true}, {Heading: name}},
	}
}

func TestHTMLNames(t *testing.T) {
	check := func(name string) bool {
		d := documentNamed(name)
		page := pageOf(t, d)
		checkPage(t, page)
		checkTold(t, d, page)
		return !t.Failed()
	}
	for _, name := range dangerous {
		if !check(name) {
			t.Fatalf("name %q", name)
		}
	}
	if err := quick.Check(check, nil); err != nil {
		t.Error(err)
	}
}

// manyTrials is a run of n trials, of which every tenth is flagged.
func manyTrials(n int) *record.File {
	f := fixture.Synthetic()
	rng := rand.New(rand.NewPCG(11, 12))
	f.Trials = nil
	for i := range n {
		queues := 1 + i/10%16
		name := fmt.Sprintf("Tun/dir=k2u/gen=udp/queues=%d/size=%d", queues, 64+i/160)
		arm := []record.Arm{record.Bare, record.Observed}[i%2]
		t := fixture.Trial(rng, name, map[string]string{"queues": fmt.Sprint(queues)}, arm, 1+i%10/2, i, 1e6*(1+0.1*rng.Float64()), 0, 4e5, queues, 16, 64, "")
		if i%10 == 0 {
			t.Flags, t.Notes = []string{record.FlagUnsteady}, []string{"windows differ"}
		}
		f.Trials = append(f.Trials, t)
	}
	return f
}

// The time is that of the CPU: who else runs on this host does not count.
func TestHTMLOfManyTrials(t *testing.T) {
	f := manyTrials(10_000)
	spent := func() time.Duration {
		var use unix.Rusage
		if err := unix.Getrusage(unix.RUSAGE_SELF, &use); err != nil {
			t.Fatal(err)
		}
		return time.Duration(use.Utime.Nano() + use.Stime.Nano())
	}
	start := spent()
	page := pageOf(t, run.New(f))
	took := spent() - start
	t.Logf("10,000 trials of %d scenarios: %d bytes in %v", strings.Count(page, "<li><code>"), len(page), took)
	if took > 5*time.Second {
		t.Errorf("a page of 10,000 trials took %v", took)
	}
}

func FuzzHTML(f *testing.F) {
	for _, name := range dangerous {
		f.Add(name, uint8(0), false)
		f.Add(name, uint8(3), true)
	}
	f.Fuzz(func(t *testing.T, name string, at uint8, told bool) {
		// One kind of block and one check for each input: to read the page takes most
		// of the time.
		d := documentNamed(name[:min(len(name), 64)])
		blocks := d.Sections[0].Blocks
		i := int(at) % len(blocks)
		d.Sections[0].Blocks = blocks[i : i+1]
		page := variable(pageOf(t, d))
		if told {
			checkTold(t, d, page)
		} else {
			checkPage(t, page)
		}
	})
}

// variable is page without its style and its script, which are the same in all
// pages, and most of a small one: tests that read many pages leave them out.
func variable(page string) string {
	head, rest, _ := strings.Cut(page, "<style>")
	_, rest, _ = strings.Cut(rest, "</style>")
	return strings.Replace(head+"<style></style>"+rest, render.HTMLScript, "", 1)
}

// Both ways out of the program give the same page, and nothing beside it.
func TestHTMLFormat(t *testing.T) {
	format, err := FindFormat("html", true)
	if err != nil {
		t.Fatal(err)
	}
	run := []record.Named{{Name: "run", File: fixture.Synthetic()}}
	var printed bytes.Buffer
	if err := format.Print(&printed, run); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	name, err := format.Write(dir, run)
	if err != nil {
		t.Fatal(err)
	}
	written, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(written, printed.Bytes()) {
		t.Error("what is printed is not what is written")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 1 {
		t.Errorf("beside the page: %v", left)
	}

	// A run of two variants is a comparison, whichever command is asked.
	var variants, comparison bytes.Buffer
	if err := format.Print(&variants, []record.Named{{Name: "run", File: fixture.Pairs(0.9, 10)}}); err != nil {
		t.Fatal(err)
	}
	c, err := verdict.CompareVariants(fixture.Pairs(0.9, 10), verdict.Options{BaseName: "run"})
	if err != nil {
		t.Fatal(err)
	}
	if err := format.PrintComparison(&comparison, c); err != nil {
		t.Fatal(err)
	}
	if variants.String() != comparison.String() || !strings.Contains(variants.String(), "<span class=\"verdict bad\">") {
		t.Error("a run of variants is not shown as a comparison with its regression")
	}
}

// A table that is too wide for a screen is set closer there, and no other is.
func TestWideTablesAreSetCloser(t *testing.T) {
	for columns, want := range map[int]bool{4: false, 16: true} {
		table := document.Table{Columns: document.Text("scenario")}
		row := []any{"TUN size=64"}
		for range columns {
			table.Columns = append(table.Columns, document.Numeric("rate")...)
			row = append(row, "1,234 kpps")
		}
		table.Rows = append(table.Rows, document.Row(row...))
		var b bytes.Buffer
		if err := render.HTML(&b, document.Document{Title: "a table", Sections: []document.Section{{Heading: "rates", Blocks: []document.Block{table}}}}); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(b.String(), `tight">`); got != want {
			t.Errorf("a table of %d columns is set closer: %v, want %v", columns+1, got, want)
		}
	}
}
