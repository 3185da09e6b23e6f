"use strict";
(() => {
  const root = document.documentElement;

  // The theme is the reader's until the switch says otherwise; nothing is kept.
  const theme = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme || (system.matches ? "dark" : "light")) === "dark";
  const tell = () => theme.setAttribute("aria-pressed", String(isDark()));
  theme.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    tell();
  });
  system.addEventListener("change", tell);
  tell();
  theme.hidden = false;

  // Beside the report there is room for the contents, above it they are folded.
  const contents = document.querySelector("nav > details");
  if (contents) {
    const narrow = matchMedia("(max-width: 62.49rem)");
    const fold = () => { contents.open = !narrow.matches; };
    narrow.addEventListener("change", fold);
    fold();
    contents.addEventListener("click", (event) => {
      if (narrow.matches && event.target.closest("a")) contents.open = false;
    });
    const links = new Map([...contents.querySelectorAll("a")].map((a) => [a.hash.slice(1), a]));
    const headings = [...links.keys()].map((id) => document.getElementById(id));
    const mark = () => {
      let current = null;
      for (const h of headings) {
        if (h.getBoundingClientRect().top > innerHeight / 4) break;
        current = h;
      }
      for (const [id, a] of links) {
        if (current && id === current.id) a.setAttribute("aria-current", "true");
        else a.removeAttribute("aria-current");
      }
    };
    let asked = false;
    addEventListener("scroll", () => {
      if (asked) return;
      asked = true;
      requestAnimationFrame(() => { asked = false; mark(); });
    }, {passive: true});
    mark();
  }

  // Where there is little room, parts are folded that otherwise are open.
  const little = matchMedia("(max-width: 37.49rem)");
  const fit = () => {
    for (const part of document.querySelectorAll("details.roomy:not(.long)")) part.open = !little.matches;
  };
  little.addEventListener("change", fit);
  fit();

  // A row of a scenario opens what is known of that scenario alone, below it.
  const ones = [...document.querySelectorAll("details.one")];
  const about = [...document.querySelectorAll("main tr[data-of]")];
  // What is opened is moved, not copied, so that its heads still sort; it goes back when
  // the row is closed.
  const shut = (inner) => {
    ones[inner.dataset.home].append(...inner.firstChild.firstChild.children);
    inner.previousElementSibling.querySelector("button.open")?.setAttribute("aria-expanded", "false");
    inner.remove();
  };
  const close = (where) => {
    for (const inner of where.querySelectorAll("tr.inner")) shut(inner);
  };
  const toggle = (row) => {
    const home = row.dataset.of - 1;
    const open = row.nextElementSibling?.classList.contains("inner");
    const taken = document.querySelector(`tr.inner[data-home="${home}"]`);
    if (taken) shut(taken);
    if (open) return;
    const inner = document.createElement("tr");
    inner.className = "inner";
    inner.dataset.home = home;
    const cell = document.createElement("td");
    cell.colSpan = row.cells.length;
    const box = document.createElement("div");
    box.append(...[...ones[home].children].slice(1));
    cell.append(box);
    inner.append(cell);
    row.after(inner);
    row.querySelector("button.open")?.setAttribute("aria-expanded", "true");
  };
  for (const row of about) {
    const head = row.cells[0];
    if (!head.classList.contains("again")) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "open";
      button.setAttribute("aria-expanded", "false");
      button.append(...head.childNodes);
      head.append(button);
    }
    row.addEventListener("click", () => {
      if (getSelection().isCollapsed) toggle(row);
    });
  }

  // A filter by axis, above the first table of scenarios.
  const axes = ones.map((d) => new Map(d.dataset.axes.split(" ").map((a) => {
    const at = a.indexOf("=");
    return [a.slice(0, at), a.slice(at + 1)];
  })));
  const collator = new Intl.Collator("en", {numeric: true});
  const differing = [...new Set(axes.flatMap((m) => [...m.keys()]))].filter((name) => new Set(axes.map((m) => m.get(name))).size > 1);
  if (about.length > 1 && differing.length > 0) {
    const filter = document.createElement("details");
    filter.className = "filter";
    const title = document.createElement("summary");
    title.textContent = "Filter scenarios by axis";
    const fields = document.createElement("div");
    const count = document.createElement("p");
    count.className = "note";
    count.setAttribute("role", "status");
    const chosen = new Map();
    const apply = () => {
      close(document);
      const shown = axes.map((m) => [...chosen].every(([name, value]) => (m.get(name) ?? "") === value));
      for (const row of about) row.hidden = !shown[row.dataset.of - 1];
      count.textContent = chosen.size ? shown.filter(Boolean).length + " of " + axes.length + " scenarios are shown" : "";
    };
    for (const name of differing) {
      const label = document.createElement("label");
      const select = document.createElement("select");
      select.add(new Option("all", " "));
      for (const value of [...new Set(axes.map((m) => m.get(name) ?? ""))].sort(collator.compare)) select.add(new Option(value || "default", value));
      select.addEventListener("change", () => {
        if (select.value === " ") chosen.delete(name);
        else chosen.set(name, select.value);
        apply();
      });
      label.append(name, select);
      fields.append(label);
    }
    filter.append(title, fields, count);
    // One in a fold, such as the list of crowded scenarios, would not be seen.
    const open = about.find((row) => !row.closest("details")) ?? about[0];
    open.closest(".scroll").before(filter);
  }

  // A link to a part that is folded unfolds it.
  const unfold = () => {
    const part = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)))?.closest("details.part");
    if (part) part.open = true;
  };
  addEventListener("hashchange", unfold);
  unfold();

  // Sorting: a click or a key on a column's head, up, down, and as it was.
  // Figures go by data-sort, words with the numbers in them by value, and what
  // has neither comes last both ways.
  const words = new Intl.Collator("en", {numeric: true});
  const next = {none: "ascending", ascending: "descending", descending: "none"};
  const key = (cell, numeric) => {
    if (numeric) return cell.dataset.sort === undefined ? null : Number(cell.dataset.sort);
    const text = cell.textContent.trim();
    return text === "" || text === "–" ? null : text;
  };
  for (const table of document.querySelectorAll("table")) {
    const body = table.tBodies[0];
    const rows = [...body.rows];
    if (rows.length < 2) continue;
    const heads = [...table.tHead.rows[0].cells];
    const sort = (column) => {
      close(table);
      const head = heads[column];
      const order = next[head.getAttribute("aria-sort") || "none"];
      for (const h of heads) h.removeAttribute("aria-sort");
      if (order !== "none") head.setAttribute("aria-sort", order);
      table.classList.toggle("sorted", order !== "none");
      const numeric = head.classList.contains("n");
      const sign = order === "descending" ? -1 : 1;
      const keyed = rows.map((row, i) => ({row, i, key: key(row.cells[column], numeric)}));
      if (order !== "none") {
        keyed.sort((a, b) => {
          if (a.key === null || b.key === null) return (a.key === null) - (b.key === null) || a.i - b.i;
          return sign * (numeric ? a.key - b.key : words.compare(a.key, b.key)) || a.i - b.i;
        });
      }
      const sorted = document.createDocumentFragment();
      for (const k of keyed) sorted.append(k.row);
      body.append(sorted);
    };
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => sort(column));
    });
  }

  // A box is a stop for the Tab key only where it has something to scroll.
  const boxes = new ResizeObserver((entries) => {
    for (const {target} of entries) target.tabIndex = target.scrollWidth > target.clientWidth || target.scrollHeight > target.clientHeight ? 0 : -1;
  });
  for (const box of document.querySelectorAll(".scroll")) boxes.observe(box);

  // What is folded is printed.
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("main details:not([open])")];
    for (const d of opened) d.open = true;
  });
  addEventListener("afterprint", () => {
    for (const d of opened) d.open = false;
    opened = [];
  });
})();
