//go:build browser

package export

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// sideways lists what must be scrolled sideways to be read, with every fold open.
const sideways = `(() => {
	for (const d of document.querySelectorAll("main details")) d.open = true;
	return [...document.querySelectorAll(".scroll")].filter(s => s.scrollWidth > s.clientWidth + 1)
		.map(s => s.ariaLabel.slice(0, 60) + ": " + s.scrollWidth + " in " + s.clientWidth);
})()`

// outOfView lists tables of which a column before the last four cannot be seen without
// scrolling.
const outOfView = `(() => {
	for (const d of document.querySelectorAll("main details")) d.open = true;
	return [...document.querySelectorAll("main table")].flatMap(t => {
		const room = t.parentElement.getBoundingClientRect();
		return [...t.tHead.rows[0].cells].slice(0, -4).filter(c => c.getClientRects().length && c.getBoundingClientRect().right > room.right + 1)
			.map(c => t.caption.textContent.slice(0, 60) + ": " + c.textContent);
	});
})()`

// smallLetters lists charts with letters below 10 CSS pixels.
const smallLetters = `(() => {
	for (const d of document.querySelectorAll("main details")) d.open = true;
	return [...document.querySelectorAll("svg.chart")].filter(s => s.getClientRects().length).flatMap(s => {
		const scale = s.getBoundingClientRect().width / s.viewBox.baseVal.width;
		const small = [...s.querySelectorAll("text")].map(e => scale * parseFloat(getComputedStyle(e).fontSize)).filter(px => px < 10);
		return small.length ? [s.ariaLabel.slice(0, 60) + ": " + Math.min(...small).toFixed(1) + " px"] : [];
	});
})()`

// unseenLeads lists tables whose columns that matter first, the change and the verdict, cannot
// be seen without scrolling.
const unseenLeads = `(() => {
	for (const d of document.querySelectorAll("main details")) d.open = true;
	const found = [];
	for (const table of document.querySelectorAll("main table")) {
		[...table.tHead.rows[0].cells].forEach((head, i) => {
			const cell = table.tBodies[0].rows[0].cells[i];
			if (!["change", "verdict"].includes(head.textContent) || !cell.textContent) return;
			const box = cell.getBoundingClientRect(), room = table.parentElement.getBoundingClientRect();
			if (box.width < 5 || box.right > room.right + 1) found.push(table.caption.textContent.slice(0, 60) + ": " + head.textContent);
		});
	}
	return found;
})()`

// A page of each kind can be read on a phone as on a screen: nothing has to be scrolled
// sideways, no letters are too small, what matters first is seen, and it comes to an end.
func TestKindsOfPagesInBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	ctx := browser(t)
	pages := kindsOfPages(t)
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		t.Run(name, func(t *testing.T) {
			p := visit(t, ctx, pages[name], true)
			p.size(390, 844)
			if got := eval[int](p, `document.documentElement.scrollHeight`); got > 8000 {
				t.Errorf("on a phone the page is %d px long", got)
			}
			p.size(1280, 844)
			if got := eval[int](p, `document.documentElement.scrollHeight`); got > 24000 {
				t.Errorf("on a screen the page is %d px long", got)
			}
			p.none("open behind what is folded for its length", `[...document.querySelectorAll("details.long ~ details.roomy:not(.long), section:has(>.long) ~ section > details.roomy:not(.long)")].map(d => d.textContent.slice(0, 40))`)
			for _, found := range eval[[]string](p, sideways) {
				// Its last columns repeat what is above it: what else changed, and names for commands.
				if !strings.HasPrefix(found, "Every change: ") {
					t.Errorf("scrolls sideways on a screen: %s", found)
				}
			}
			p.none("out of view on a screen", outOfView)
			p.size(390, 844)
			p.none("scrolls sideways", sideways)
			p.none("small letters", smallLetters)
			for _, width := range []int64{390, 1280} {
				p.size(width, 844)
				p.none(fmt.Sprintf("charts at %d px", width), crowded)
				p.none(fmt.Sprintf("out of view at %d px", width), unseenLeads)
			}
			for _, scheme := range []string{"light", "dark"} {
				p.media("", scheme)
				for _, width := range []int64{1280, 390} {
					p.size(width, 844)
					p.none(fmt.Sprintf("wider than %d", width), tooWide)
					p.shoot(fmt.Sprintf("%s-%d-%s", name, width, scheme))
				}
				p.none("too faint, "+scheme, tooFaint)
			}
			p.innocent()
		})
	}

	t.Run("caught", func(t *testing.T) {
		// Without what a phone has of its own, each look finds something.
		p := visit(t, ctx, pages["compare"], true)
		p.size(390, 844)
		eval[int](p, `(() => {
			document.querySelectorAll("table").forEach(t => t.classList.remove("stacked"));
			document.querySelectorAll("svg.narrow").forEach(s => s.remove());
			document.querySelectorAll("svg.chart").forEach(s => { s.style.minWidth = 0; });
			return 0;
		})()`)
		for what, js := range map[string]string{"All verdicts: ": sideways, " px": smallLetters, ": verdict": unseenLeads} {
			if found := strings.Join(eval[[]string](p, js), "\n"); !strings.Contains(found, what) {
				t.Errorf("found only %q, and not %q", found, what)
			}
		}
		// And so it does on a screen without what a wide table has there.
		p = visit(t, ctx, pages["history"], true)
		p.size(1280, 844)
		eval[int](p, `(() => { document.querySelectorAll("table.tight").forEach(t => t.classList.remove("tight")); return 0; })()`)
		for what, js := range map[string]string{"Changes: ": sideways, "Every change: 5 rows: since": outOfView} {
			if found := strings.Join(eval[[]string](p, js), "\n"); !strings.Contains(found, what) {
				t.Errorf("on a screen, found only %q, and not %q", found, what)
			}
		}
		p = visit(t, ctx, pages["long"], true)
		if got := eval[int](p, `document.querySelectorAll("details.long").forEach(d => { d.open = true; }), document.documentElement.scrollHeight`); got < 24000 {
			t.Errorf("with the parts open that are folded everywhere, the page is %d px long", got)
		}
		p = visit(t, ctx, pages["run"], true)
		p.size(390, 844)
		if got := eval[int](p, `document.querySelectorAll("details.roomy").forEach(d => { d.open = true; }), document.documentElement.scrollHeight`); got < 8000 {
			t.Errorf("with the parts open that a phone folds, the page is %d px long", got)
		}
	})
}
