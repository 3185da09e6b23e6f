//go:build browser

package export

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"

	"tunbench/reports/document"
	"tunbench/reports/document/run"
	"tunbench/reports/fixture"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/render"
	"tunbench/reports/text"
)

var shots = flag.String("shots", "", "folder in which TestHTMLInBrowser leaves its screenshots")

// browser starts a Chromium without a window.
func browser(t *testing.T) context.Context {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("chromium is not installed: scripts/setup.sh browser")
		}
		t.Skip("chromium is not installed: scripts/setup.sh browser")
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(path),
		// As root it has no sandbox to itself; the only page is ours.
		chromedp.NoSandbox, chromedp.DisableGPU)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	ctx, stop := chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(stop)
	ctx, quit := chromedp.NewContext(ctx)
	t.Cleanup(quit)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	return ctx
}

// tab is a page in a browser, and what it did that a report must not do.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu     sync.Mutex // guards faults
	faults []string
}

// visit opens the page of d in a tab of its own.
func visit(t *testing.T, parent context.Context, d document.Document, scripts bool) *tab {
	t.Helper()
	path := filepath.Join(t.TempDir(), render.HTMLName)
	if err := os.WriteFile(path, []byte(pageOf(t, d)), 0o666); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := chromedp.NewContext(parent)
	t.Cleanup(cancel)
	p := &tab{t: t, ctx: ctx}
	fault := func(format string, args ...any) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.faults = append(p.faults, fmt.Sprintf(format, args...))
	}
	err := chromedp.Listen(ctx, func(event any) {
		switch e := event.(type) {
		case *network.EventRequestWillBeSent:
			if url := e.Request.URL; url != "file://"+path && !strings.HasPrefix(url, "data:") && !strings.HasPrefix(url, "file://"+path+"#") {
				fault("request of %s", url)
			}
		case *log.EventEntryAdded:
			fault("log: %s", e.Entry.Text)
		case *runtime.EventConsoleAPICalled:
			fault("console.%s", e.Type)
		case *runtime.EventExceptionThrown:
			fault("exception: %s", e.ExceptionDetails.Text)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	p.do(command(network.Enable, network.EnableParams{}), command(log.Enable, cdp.Empty{}),
		command(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !scripts}), chromedp.EmulateViewport(1280, 900), chromedp.Navigate("file://"+path))
	return p
}

// command is a command of the browser's protocol as a step.
func command[P, R any](c cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, c, params)
		return err
	})
}

func (p *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, steps...); err != nil {
		p.t.Fatal(err)
	}
}

// eval gives the value of a JavaScript expression.
func eval[V any](p *tab, js string) V {
	p.t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[V](js))
	if err != nil {
		p.t.Fatal(err)
	}
	return v
}

func (p *tab) media(kind, scheme string) {
	p.t.Helper()
	p.do(command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Media: kind, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	}))
	p.settle()
}

// innocent makes sure that the page asked for nothing and complained of nothing.
func (p *tab) innocent() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.faults {
		p.t.Error(f)
	}
}

// size sets the window, in CSS pixels, and lets the page settle in it.
func (p *tab) size(width, height int64) {
	p.t.Helper()
	p.do(chromedp.EmulateViewport(width, height))
	p.settle()
}

// settle waits until what was changed is drawn.
func (p *tab) settle() {
	p.t.Helper()
	p.do(chromedp.Evaluate[chromedp.Void](`new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))`, chromedp.EvalAwaitPromise))
}

// shoot leaves a picture where -shots says.
func (p *tab) shoot(name string) {
	p.t.Helper()
	if *shots == "" {
		return
	}
	png, err := chromedp.Run(p.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		p.t.Fatal(err)
	}
	if err := os.MkdirAll(*shots, 0o777); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*shots, name+".png"), png, 0o666); err != nil {
		p.t.Fatal(err)
	}
}

// tooWide lists what is wider than the window without a box of its own to
// scroll in, with every fold open.
const tooWide = `(() => {
	for (const d of document.querySelectorAll("main details")) d.open = true;
	const wide = [...document.querySelectorAll("body *")]
		.filter(e => !e.closest(".scroll > *, .skip") && !e.matches(".unseen") && e.getBoundingClientRect().right > innerWidth + 0.5)
		.map(e => e.tagName + "." + e.className + " " + e.textContent.slice(0, 40));
	if (document.documentElement.scrollWidth > innerWidth) wide.push("page: " + document.documentElement.scrollWidth + " of " + innerWidth);
	return wide;
})()`

// tooFaint lists texts that have less contrast to what is behind them than WCAG
// 2.2 asks for in 1.4.3, level AA.
const tooFaint = `(() => {
	const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
	const rgb = (...layers) => {
		for (const c of layers) { canvas.fillStyle = c; canvas.fillRect(0, 0, 1, 1); }
		return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
	};
	const light = (c) => {
		const [r, g, b] = c.map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	};
	const behind = (e) => {
		const layers = [];
		for (; e; e = e.parentElement) layers.unshift(getComputedStyle(e).backgroundColor);
		return layers;
	};
	const seen = new Map();
	for (const e of document.querySelectorAll("body *")) {
		const own = [...e.childNodes].some(n => n.nodeType === Node.TEXT_NODE && n.data.trim());
		if (!own || e.closest("script, title, desc") || !e.getClientRects().length) continue;
		const style = getComputedStyle(e);
		const layers = behind(e);
		const ink = e instanceof SVGElement ? style.fill : style.color;
		const a = light(rgb(...layers)), b = light(rgb(...layers, ink));
		const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
		if (ratio < 4.5) seen.set(e.tagName + "." + (e.className.baseVal ?? e.className) + " " + ink + " " + ratio.toFixed(2), true);
	}
	return [...seen.keys()];
})()`

// crowded lists texts of charts that leave their chart or lie on another one, as the
// browser's own fonts have them.
const crowded = `(() => {
	for (const d of document.querySelectorAll("main details")) d.open = true;
	const found = [];
	for (const svg of document.querySelectorAll("svg.chart")) {
		const all = [...svg.querySelectorAll("text")].filter(e => e.textContent.trim()).map(e => [e, e.getBBox()]);
		const view = svg.viewBox.baseVal;
		all.sort((a, b) => a[1].y - b[1].y);
		all.forEach(([e, a], i) => {
			if (a.x < view.x - 1 || a.x + a.width > view.x + view.width + 1) found.push(svg.ariaLabel.slice(0, 40) + ", outside: " + e.textContent);
			for (let j = i + 1; j < all.length && all[j][1].y < a.y + a.height - 4; j++) {
				const b = all[j][1];
				if (a.x < b.x + b.width - 1 && b.x < a.x + a.width - 1) found.push(svg.ariaLabel.slice(0, 40) + ", " + e.textContent + " on " + all[j][0].textContent);
			}
		});
	}
	return found;
})()`

// column gives the cells of a column of the first table, as they are read.
func (p *tab) column(n int) []string {
	p.t.Helper()
	return eval[[]string](p, fmt.Sprintf(`[...document.querySelector("main table.stacked").tBodies[0].rows].map(r => r.cells[%d].textContent)`, n))
}

func (p *tab) sorted() []string {
	p.t.Helper()
	return eval[[]string](p, `[...document.querySelector("main table.stacked").tHead.rows[0].cells].map(h => h.getAttribute("aria-sort") ?? "")`)
}

func (p *tab) none(what, js string) {
	p.t.Helper()
	for _, found := range eval[[]string](p, js) {
		p.t.Errorf("%s: %s", what, found)
	}
}

// The page is driven as a reader drives it, in a real browser.
func TestHTMLInBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	ctx := browser(t)
	docs := documents(t)

	for _, name := range []string{"full", "compare", "hostile", "ways", "kernels-kernels-three"} {
		t.Run("layout/"+name, func(t *testing.T) {
			p := visit(t, ctx, docs[name], true)
			for _, width := range []int64{390, 1280} { // a phone has charts of its own
				p.size(width, 844)
				p.none(fmt.Sprintf("charts at %d px", width), crowded)
			}
			for _, scheme := range []string{"light", "dark"} {
				p.media("", scheme)
				for _, width := range []int64{1280, 390} {
					p.size(width, 844)
					p.none(fmt.Sprintf("wider than %d", width), tooWide)
					p.none("too faint, "+scheme, tooFaint)
					p.shoot(fmt.Sprintf("%s-%d-%s", name, width, scheme))
				}
			}
			if eval[bool](p, `document.querySelector("nav details").open`) {
				t.Error("the contents are not folded at 390 px")
			}
			p.size(1280, 900)
			if !eval[bool](p, `(() => { const n = document.querySelector("nav").getBoundingClientRect(), m = document.querySelector("main").getBoundingClientRect(); return document.querySelector("nav details").open && n.right <= m.left })()`) {
				t.Error("the contents are not beside the report at 1280 px")
			}
			if alerts := eval[int](p, `document.querySelectorAll("script").length`); alerts != 1 {
				t.Errorf("%d scripts", alerts)
			}
			p.innocent()
		})
	}

	t.Run("crowded charts are found", func(t *testing.T) {
		p := visit(t, ctx, docs["compare"], true)
		move := `(() => { const all = document.querySelectorAll("svg.chart text"); for (const a of ["x", "y"]) all[0].setAttribute(a, all[1].getAttribute(a)); all[2].setAttribute("x", "-200"); return 0; })()`
		eval[int](p, move)
		if found := strings.Join(eval[[]string](p, crowded), "\n"); !strings.Contains(found, "outside: ") || !strings.Contains(found, " on ") {
			t.Errorf("found only %q", found)
		}
	})

	t.Run("sort", func(t *testing.T) {
		p := visit(t, ctx, docs["full"], true)
		head := `document.querySelectorAll("main table.stacked thead th")[1].firstElementChild`
		before := p.column(1)
		ascending := slices.Clone(before)
		slices.SortStableFunc(ascending, func(a, b string) int {
			x, _ := text.ShownValue(a)
			y, _ := text.ShownValue(b)
			return int(min(max(x-y, -1), 1))
		})
		if slices.Equal(before, ascending) {
			t.Fatal("the table is sorted as it comes: it shows nothing")
		}
		p.do(chromedp.Click(chromedp.CSS(`main table.stacked thead th:nth-child(2) button`)))
		if d := cmp.Diff(ascending, p.column(1)); d != "" {
			t.Errorf("after a click (-want +got): %s", d)
		}
		if d := cmp.Diff("ascending", p.sorted()[1]); d != "" {
			t.Errorf("aria-sort after a click: %s", d)
		}
		// The head has the focus: a key goes on.
		p.do(chromedp.KeyEvent(kb.Enter))
		descending := slices.Clone(ascending)
		slices.Reverse(descending)
		if d := cmp.Diff(descending, p.column(1)); d != "" {
			t.Errorf("after Enter (-want +got): %s", d)
		}
		if d := cmp.Diff("descending", p.sorted()[1]); d != "" {
			t.Errorf("aria-sort after Enter: %s", d)
		}
		p.do(chromedp.KeyEvent(" "))
		if d := cmp.Diff(before, p.column(1)); d != "" {
			t.Errorf("after the space bar (-want +got): %s", d)
		}
		if strings.Join(p.sorted(), "") != "" {
			t.Errorf("aria-sort after the space bar: %q", p.sorted())
		}
		// Tab goes to the next head, and words are sorted by the numbers in them.
		p.do(chromedp.Focus(chromedp.CSS(`main table.stacked thead th:nth-child(1) button`)), chromedp.KeyEvent(kb.Enter))
		names := p.column(0)
		if i, j := slices.IndexFunc(names, has("queues=2 ")), slices.IndexFunc(names, has("queues=4 ")); i < 0 || j < i {
			t.Errorf("queues=2 at %d, queues=4 at %d of %q", i, j, names)
		}
		p.do(chromedp.KeyEvent(kb.Tab))
		if !eval[bool](p, head+" === document.activeElement") {
			t.Error("Tab does not reach the next head")
		}
		p.innocent()
	})

	t.Run("details", func(t *testing.T) {
		// A row opens what is known of its scenario alone, by click and by key, and closes it.
		p := visit(t, ctx, docs["ways"], true)
		inner := `[...document.querySelectorAll("main tr.inner")].map(r => r.querySelector("svg.chart") && r.previousElementSibling.cells[0].textContent)`
		second := p.column(0)[1]
		p.do(chromedp.Click(chromedp.CSS(`main table.stacked tbody tr:nth-child(2) td:nth-child(2)`)))
		if d := cmp.Diff([]string{second}, eval[[]string](p, inner)); d != "" {
			t.Errorf("after a click (-want +got): %s", d)
		}
		if d := cmp.Diff("true", eval[string](p, `document.querySelectorAll("main table.stacked tbody button.open")[1].getAttribute("aria-expanded")`)); d != "" {
			t.Error(d)
		}
		p.none("wider than 1280", tooWide)
		p.do(chromedp.Focus(chromedp.CSS(`main table.stacked tbody tr:nth-child(2) button.open`)), chromedp.KeyEvent(kb.Enter))
		if got := eval[[]string](p, inner); len(got) != 0 {
			t.Errorf("after Enter: %q", got)
		}
		// Another row of the same scenario takes what the first shows, whose heads still sort.
		eval[int](p, `(() => { const rows = [...document.querySelectorAll("main tr[data-of]")], same = rows.filter(r => r.dataset.of === rows[1].dataset.of); same[0].click(); same[1].click(); return 0; })()`)
		if got := eval[[]string](p, inner); len(got) != 1 {
			t.Errorf("opened twice: %q", got)
		}
		if n := eval[int](p, `[...document.querySelectorAll("tr.inner table")].filter(t => t.tBodies[0].rows.length > 1).map(t => t.querySelector("thead button").click()).length`); n == 0 || eval[string](p, `document.querySelector("tr.inner [aria-sort]").getAttribute("aria-sort")`) != "ascending" {
			t.Errorf("%d tables, none of them is sorted", n)
		}
		eval[int](p, `(document.querySelector("tr.inner").previousElementSibling.click(), 0)`)
		// Sorted, no detail stays behind under another row.
		p.do(chromedp.KeyEvent(kb.Enter), chromedp.Click(chromedp.CSS(`main table.stacked thead th:nth-child(2) button`)))
		if got := eval[[]string](p, inner); len(got) != 0 {
			t.Errorf("after sorting: %q", got)
		}
		p.innocent()
	})

	t.Run("filter is seen", func(t *testing.T) {
		f := fixture.Synthetic() // a list of crowded scenarios, which is folded, stands before all tables
		for i := range f.Trials {
			if f.Trials[i].Scenario == f.Trials[0].Scenario {
				f.Trials[i].Flags = append(f.Trials[i].Flags, record.FlagOversubscribed)
			}
		}
		p := visit(t, ctx, run.New(f), true)
		if folded := eval[int](p, `document.querySelectorAll("details:not(.part) tr[data-of]").length`); folded == 0 {
			t.Error("no scenario is in a fold: the test shows nothing")
		}
		if !eval[bool](p, `document.querySelector(".filter").checkVisibility()`) {
			t.Error("the filter is in a fold")
		}
	})

	t.Run("filter", func(t *testing.T) {
		p := visit(t, ctx, docs["ways"], true)
		shown := `[...document.querySelectorAll("main tr[data-of]")].filter(r => !r.hidden).map(r => document.querySelectorAll("details.one")[r.dataset.of - 1].dataset.axes)`
		choose := func(axis, value string) {
			eval[int](p, fmt.Sprintf(`(() => { const s = [...document.querySelectorAll(".filter label")].find(l => l.firstChild.data === %q).querySelector("select"); s.value = %q; s.dispatchEvent(new Event("change")); return 0; })()`, axis, value))
		}
		all := len(eval[[]string](p, shown))
		choose("io", "uring")
		some := eval[[]string](p, shown)
		if len(some) == 0 || len(some) >= all || slices.ContainsFunc(some, func(axes string) bool { return !strings.Contains(axes, "io=uring") }) {
			t.Errorf("io=uring: %d of %d rows: %q", len(some), all, some)
		}
		if got := eval[string](p, `document.querySelector(".filter [role=status]").textContent`); !strings.HasPrefix(got, "1 of ") {
			t.Errorf("told: %q", got)
		}
		choose("io", " ")
		if got := len(eval[[]string](p, shown)); got != all {
			t.Errorf("all again: %d of %d", got, all)
		}
		p.innocent()
	})

	t.Run("phone", func(t *testing.T) {
		// What is not folded is read on a phone without scrolling for ever; a link to what
		// is folded unfolds it.
		p := visit(t, ctx, run.New(manyScenarios()), true)
		if got := eval[[]bool](p, `[...document.querySelectorAll("details.roomy")].map(d => d.open)`); len(got) < 2 || slices.Contains(got, false) {
			t.Errorf("where there is room, these parts are open: %v", got)
		}
		p.size(390, 844)
		if got := eval[[]bool](p, `[...document.querySelectorAll("details.roomy")].map(d => d.open)`); slices.Contains(got, true) {
			t.Errorf("on a phone, these parts are open: %v", got)
		}
		if got := eval[int](p, `document.documentElement.scrollHeight`); got > 8000 {
			t.Errorf("the page is %d px long", got)
		}
		eval[int](p, `(location.hash = "#flags", 0)`)
		p.settle()
		if !eval[bool](p, `document.getElementById("flags").closest("details").open`) {
			t.Error("a link does not unfold its part")
		}
		p.innocent()
	})

	t.Run("intervals of wide tables", func(t *testing.T) {
		// They stand below their figures, so that the columns that matter are seen, except
		// on a wide screen.
		p := visit(t, ctx, docs["full"], true)
		heads := `[...document.querySelectorAll("main table.stacked")[0].tHead.rows[0].cells].filter(h => h.getBoundingClientRect().width > 0).map(h => h.textContent)`
		under := `[...document.querySelectorAll("main table.stacked")[0].tBodies[0].rows].map(r => getComputedStyle(r.cells[1], "::after").content)`
		p.size(1600, 900)
		wide := eval[[]string](p, heads)
		for _, width := range []int64{390, 1280} {
			p.size(width, 844)
			narrow := eval[[]string](p, heads)
			if i := slices.Index(wide, text.RangeName); i != 2 || slices.Contains(narrow, text.RangeName) || len(narrow) != len(wide)-2 {
				t.Errorf("the columns are %q, at %d px %q", wide, width, narrow)
			}
			for i, interval := range p.column(2) {
				want := fmt.Sprintf("%q", interval)
				if interval == text.Absent {
					want = "none"
				}
				if got := eval[[]string](p, under)[i]; got != want {
					t.Errorf("row %d at %d px: %s below the figure, want %q", i, width, got, interval)
				}
			}
		}
		p.size(1600, 900)
		if got := eval[[]string](p, under)[0]; got != "none" {
			t.Errorf("%s below the figure, which is beside it", got)
		}
	})

	t.Run("groups", func(t *testing.T) {
		// A name that stands above its group is there in every row once sorted.
		d := document.Document{Title: "t", Sections: []document.Section{{Heading: "h", Blocks: []document.Block{document.Table{
			Columns: slices.Concat(document.Text("scenario"), document.Numeric("queue")),
			Rows:    [][]prose.Prose{document.Row("first", "3"), document.Row("", text.Absent), document.Row("second", "2"), document.Row("", "1")},
		}}}}}
		p := visit(t, ctx, d, true)
		shown := `[...document.querySelectorAll("main tbody th")].map(h => (h.firstElementChild ?? h).getBoundingClientRect().width > 5 ? h.textContent : "")`
		if got := cmp.Diff([]string{"first", "", "second", ""}, eval[[]string](p, shown)); got != "" {
			t.Error(got)
		}
		for _, want := range [][]string{{"second", "second", "first", "first"}, {"first", "second", "second", "first"}} {
			p.do(chromedp.Click(chromedp.CSS(`thead th:nth-child(2) button`)))
			if got := cmp.Diff(want, eval[[]string](p, shown)); got != "" {
				t.Error(got)
			}
		}
	})

	t.Run("tooltips", func(t *testing.T) {
		// Of each chart, the middle of a mark says what it stands for.
		p := visit(t, ctx, docs["full"], true)
		eval[int](p, `(document.querySelectorAll("details.part").forEach(d => { d.open = true; }), 0)`)
		told := eval[[]string](p, `[...document.querySelectorAll(".chart:not(.narrow)")].filter(chart => !chart.closest(".one")).map(chart => {
			const mark = chart.querySelector("rect:is(.a, .b)[height='14'], rect:is(.a, .b, .c, .e)[height='11'], circle, rect.a[width]");
			mark.scrollIntoView({block: "center"});
			const box = mark.getBoundingClientRect();
			return document.elementFromPoint((box.left + box.right) / 2, (box.top + box.bottom) / 2).querySelector("title")?.textContent ?? "nothing: " + mark.outerHTML;
		})`)
		for i, want := range []string{" Gbit/s, ", "queue 0, ", "max "} {
			if i >= len(told) || !strings.Contains(told[i], want) || strings.Contains(told[i], "Gbit/s Gbit/s") {
				t.Errorf("chart %d tells %q, want %q in it", i, told, want)
			}
		}
		p.innocent()
	})

	t.Run("theme", func(t *testing.T) {
		p := visit(t, ctx, docs["full"], true)
		p.media("", "light")
		state := `[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.querySelector(".chart .a")).fill, document.getElementById("theme").getAttribute("aria-pressed")]`
		light := []string{"rgb(255, 255, 255)", "rgb(0, 114, 178)", "false"}
		dark := []string{"rgb(13, 17, 23)", "rgb(86, 180, 233)", "true"}
		step := func(what string, want []string) {
			t.Helper()
			p.settle()
			if d := cmp.Diff(want, eval[[]string](p, state)); d != "" {
				t.Errorf("%s (-want +got): %s", what, d)
			}
		}
		step("at first", light)
		p.do(chromedp.Click(chromedp.CSS("#theme")))
		step("after the switch", dark)
		p.do(chromedp.KeyEvent(" "))
		step("after its key", light)
		p.media("", "dark")
		step("the switch holds against the system", light)
		p.do(chromedp.Reload())
		p.media("", "dark")
		step("nothing is kept", dark)
		p.media("print", "dark")
		step("in print", []string{light[0], light[1], dark[2]})
		p.innocent()
	})

	t.Run("keys", func(t *testing.T) {
		p := visit(t, ctx, docs["full"], true)
		p.do(chromedp.KeyEvent(kb.Tab))
		if got := eval[string](p, `document.activeElement.className`); got != "skip" || eval[float64](p, `document.activeElement.getBoundingClientRect().top`) < 0 {
			t.Errorf("Tab comes to %q first, or it is not seen", got)
		}
		p.do(chromedp.KeyEvent(kb.Enter))
		if got := eval[string](p, `document.activeElement.id`); got != "main" {
			t.Errorf("the skip link leads to %q", got)
		}
		p.none("no visible focus", `[...document.querySelectorAll("a, button, summary")].filter(e => e.checkVisibility()).filter(e => { e.focus({focusVisible: true}); return document.activeElement !== e || getComputedStyle(e).outlineStyle === "none" }).map(e => e.outerHTML.slice(0, 80))`)
		p.innocent()
	})

	t.Run("print", func(t *testing.T) {
		p := visit(t, ctx, docs["full"], true)
		folds := eval[int](p, `document.querySelectorAll("main details").length`)
		if closed := eval[int](p, `dispatchEvent(new Event("beforeprint")), document.querySelectorAll("main details:not([open])").length`); closed != 0 || folds == 0 {
			t.Errorf("%d of %d folds are not printed", closed, folds)
		}
		if open := eval[int](p, `dispatchEvent(new Event("afterprint")), document.querySelectorAll("main details[open]:not(.roomy)").length`); open != 0 {
			t.Errorf("%d folds stay open", open)
		}
		p.media("print", "light")
		p.none("in print", `[...document.querySelectorAll("#theme, nav, .skip")].filter(e => e.getClientRects().length).map(e => e.outerHTML.slice(0, 40))`)
		p.innocent()
	})

	t.Run("without scripts", func(t *testing.T) {
		p := visit(t, ctx, docs["full"], false)
		// The protocol's own Evaluate works where the page's scripts do not.
		if n := eval[int](p, `document.querySelectorAll("thead button").length`); n != 0 {
			t.Errorf("%d heads can be clicked for nothing", n)
		}
		if eval[int](p, `document.getElementById("theme").getClientRects().length`) != 0 {
			t.Error("there is a switch that does nothing")
		}
		if rows := eval[int](p, `document.querySelectorAll("main tbody tr").length`); rows < 100 {
			t.Errorf("%d rows", rows)
		}
		p.none("wider than 1280", tooWide)
		p.do(chromedp.EmulateViewport(390, 844)) // nothing settles without scripts: the next look at a width does
		p.none("wider than 390", tooWide)
		p.innocent()
	})

	t.Run("caught", func(t *testing.T) {
		// What the other tests look for is found where it is.
		p := visit(t, ctx, document.Document{Title: "t", Lead: prose.Say("words")}, true)
		p.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("main p").className = "note"; document.querySelector("main p").outerHTML += "<p id=x>y</p>"; console.error("no"); new Image().src = "http://127.0.0.1:9/x"; document.body.append(Object.assign(document.createElement("i"), {textContent: "z".repeat(4000)})); null`))
		p.settle()
		if len(eval[[]string](p, tooWide)) == 0 {
			t.Error("what is too wide is not found")
		}
		p.do(chromedp.Evaluate[chromedp.Void](`document.documentElement.style.setProperty("--muted", "#aaa")`))
		p.media("", "light")
		if len(eval[[]string](p, tooFaint)) == 0 {
			t.Error("what is too faint is not found")
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		if !slices.ContainsFunc(p.faults, has("console.error")) || !slices.ContainsFunc(p.faults, has("Content Security Policy")) {
			t.Errorf("faults are not seen: %q", p.faults)
		}
	})
	if err := ctx.Err(); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func has(part string) func(string) bool {
	return func(s string) bool { return strings.Contains(s, part) }
}
