"use strict";
// ---- what page and player share: the address, and media that a single file carries inside ----
const eapHash = {
  read: () => new URLSearchParams(location.hash.slice(1).replace(/\+/g, "%2B")),
  write(changes) {
    const known = this.read();
    for (const [key, value] of Object.entries(changes)) { if (value === null || value === "") known.delete(key); else known.set(key, value); }
    const text = [...known].map(([k, v]) => `${k}=${encodeURIComponent(v)}`).join("&");
    history.replaceState(null, "", text ? "#" + text : location.pathname + location.search);
  },
};
const eapMedia = (() => {
  const inside = document.getElementById("media-data");
  if (!inside) return (href) => href;
  const packed = JSON.parse(inside.textContent), made = new Map();
  return (href) => {
    const name = decodeURIComponent(href);
    if (!Object.hasOwn(packed, name)) return href;
    if (!made.has(name)) {
      const [type, text] = packed[name];
      made.set(name, URL.createObjectURL(new Blob([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))], { type })));
    }
    return made.get(name);
  };
})();
// Data of the page: JSON, or packed (see reports/packing.py) and unpacked when it is first needed.
const eapData = (() => {
  const read = async (id) => {
    const node = document.getElementById(id);
    if (node.type === "application/json") return JSON.parse(node.textContent);
    if (typeof DecompressionStream === "undefined") throw new Error("this browser cannot unpack the page’s data: Chromium 80, Firefox 113, Safari 16.4 or newer can");
    const packed = Uint8Array.from(atob(node.textContent), (c) => c.charCodeAt(0));
    return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
  };
  const known = new Map();
  return (id) => { if (!known.has(id)) known.set(id, read(id)); return known.get(id); };
})();
let eapSource = () => {};

(() => {
  const $ = (id) => document.getElementById(id);
  const json = (id) => ($(id) ? JSON.parse($(id).textContent) : {});
  // Tables that are kept whole (a study's) stand in the page as they are; pieces of tables are packed.
  const wholeTables = $("export-data")?.type === "application/json" ? json("export-data") : {};
  const endings = { csv: ["csv", "text/csv"], latex: ["tex", "text/x-tex"], markdown: ["md", "text/markdown"], svg: ["svg", "image/svg+xml"], png: ["png", "image/png"] };
  function make(tag, properties = {}, ...children) {
    const node = Object.assign(document.createElement(tag), properties);
    node.append(...children);
    return node;
  }

  function save(name, format, content) {
    const [ending, type] = endings[format];
    const link = document.createElement("a");
    link.href = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type: type + ";charset=utf-8" }));
    link.download = name + "." + ending;
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }
  async function trying(button, act) {
    try { await act(); } catch (error) { button.textContent = "failed"; button.title = error.message; }
  }

  // ---- tables: what is shown, kept in the address ----
  class Choice {
    constructor(box) {
      this.box = box;
      this.id = box.dataset.table;
      this.table = box.querySelector("table.results");
      this.body = this.table.tBodies[0];
      this.heads = [...this.table.querySelectorAll("tr.heads > [data-key]")];
      this.columns = this.heads.map((head) => head.dataset.key);
      this.order = [...this.body.rows];
      this.rowKeys = this.order.map((row) => row.dataset.key);
      this.cells = this.order.map((row) => [...row.cells].slice(1));
      this.folded = new Set((box.dataset.folded ?? "").split(" ").filter(Boolean));
      this.reset();
    }
    reset() {
      this.shownColumns = this.columns.map((key) => !this.folded.has(key));
      this.shownRows = this.rowKeys.map(() => true);
      this.sorted = null;  // [column, "ascending" | "descending"]
    }
    read(text) {
      this.reset();
      for (const part of (text ?? "").split("|")) {
        const [kind, value = ""] = [part.slice(0, 1), part.slice(2)];
        const keys = new Set(value.split(",").map(decodeURIComponent));
        if (kind === "c") this.shownColumns = this.columns.map((key) => keys.has(key));
        if (kind === "r") this.shownRows = this.rowKeys.map((key) => keys.has(key));
        if (kind === "s") {
          const column = this.columns.indexOf(decodeURIComponent(value.slice(1)));
          if (column >= 0) this.sorted = [column, value[0] === "-" ? "descending" : "ascending"];
        }
      }
      if (!this.shownColumns.some(Boolean)) this.shownColumns.fill(true);
      if (!this.shownRows.some(Boolean)) this.shownRows.fill(true);
    }
    text() {
      const list = (keys, shown) => keys.filter((_, i) => shown[i]).map(encodeURIComponent).join(",");
      const parts = [];
      if (this.shownColumns.some((shown, i) => shown === this.folded.has(this.columns[i]))) parts.push("c:" + list(this.columns, this.shownColumns));
      if (!this.shownRows.every(Boolean)) parts.push("r:" + list(this.rowKeys, this.shownRows));
      if (this.sorted) parts.push("s:" + (this.sorted[1] === "descending" ? "-" : "+") + encodeURIComponent(this.columns[this.sorted[0]]));
      return parts.join("|");
    }
    keep() { this.apply(); eapHash.write({ [this.id]: this.text() }); }
    apply() {
      this.heads.forEach((head, i) => { head.hidden = !this.shownColumns[i]; head.setAttribute("aria-sort", this.sorted?.[0] === i ? this.sorted[1] : "none"); });
      this.order.forEach((row, r) => { row.hidden = !this.shownRows[r]; this.cells[r].forEach((cell, i) => { cell.hidden = !this.shownColumns[i]; }); });
      let at = 0;
      for (const head of this.table.querySelectorAll(".groups th")) {
        head.dataset.span ??= head.getAttribute("colspan");
        const shown = this.shownColumns.slice(at, at += Number(head.dataset.span)).filter(Boolean).length;
        head.hidden = shown === 0;
        if (shown) head.colSpan = shown;
      }
      this.body.append(...this.places().map((i) => this.order[i]));
      const first = this.body.querySelector("tr:not([hidden]) td:not([hidden]) .num");
      for (const number of this.body.querySelectorAll(".num")) number.tabIndex = number === first ? 0 : -1;
      const absent = this.shownColumns.filter((shown) => !shown).length + this.shownRows.filter((shown) => !shown).length;
      if (this.summary) this.summary.textContent = "Columns and rows" + (absent ? ` (${absent} hidden)` : "");
      for (const box of this.boxes ?? []) box.checked = (box.dataset.kind === "c" ? this.shownColumns : this.shownRows)[Number(box.value)];
    }
    places() {
      const all = this.order.map((_, i) => i);
      if (!this.sorted) return all;
      const [column, way] = this.sorted, sign = way === "ascending" ? 1 : -1;
      const values = this.cells.map((cells) => (cells[column].dataset.value === "" ? null : Number(cells[column].dataset.value)));
      return all.sort((a, b) => {
        if (values[a] === null || values[b] === null) return (values[a] === null) - (values[b] === null) || a - b;
        return sign * (values[a] - values[b]) || a - b;
      });
    }
    sort(button) {
      const column = Number(button.dataset.column), first = button.dataset.first;
      const second = first === "descending" ? "ascending" : "descending";
      const now = this.sorted?.[0] === column ? this.sorted[1] : null;
      this.sorted = now === null ? [column, first] : now === first ? [column, second] : null;
      this.keep();
    }
    chooser() {
      this.boxes = [];
      const line = (kind, names, title) => {
        const all = make("fieldset", {}, make("legend", { textContent: title }));
        names.forEach((name, i) => {
          const box = make("input", { type: "checkbox", value: String(i) });
          box.dataset.kind = kind;
          box.addEventListener("change", () => {
            const shown = kind === "c" ? this.shownColumns : this.shownRows;
            shown[i] = box.checked;
            if (!shown.some(Boolean)) shown[i] = true;
            this.keep();
          });
          this.boxes.push(box);
          all.append(make("label", {}, box, name));
        });
        return all;
      };
      const button = (words, act) => { const b = make("button", { type: "button", textContent: words }); b.addEventListener("click", () => { act(); this.keep(); }); return b; };
      this.summary = make("summary");
      const heads = this.heads.map((head) => head.querySelector(".sort").textContent.trim());
      const rows = this.order.map((row) => row.cells[0].textContent.trim());
      const details = make("details", { className: "choose" }, this.summary);
      details.addEventListener("toggle", () => {
        if (!details.open || this.boxes.length) return;
        details.append(make("p", {}, button("Everything", () => { this.shownColumns.fill(true); this.shownRows.fill(true); }), " ", button("As at first", () => this.reset())),
          line("c", heads, "Columns"), line("r", rows, "Rows"));
        this.apply();
      });
      this.box.querySelector(".table-head").after(details);
    }
    async export(format) {
      const data = (await eapData("export-data"))[this.id];
      if (typeof data[format] === "string") return data[format];
      const columns = this.columns.map((_, i) => i).filter((i) => this.shownColumns[i]);
      const rows = this.places().filter((i) => this.shownRows[i]);
      return { csv: csvOf, latex: latexOf, markdown: markdownOf }[format](data[format], columns, rows, data.print);
    }
  }
  const pick = (list, places) => places.map((i) => list[i]);
  const csvOf = (data, columns, rows) => data.head + rows.map((r) => pick(data.rows[r], columns).join("")).join("");
  function latexOf(data, columns, rows, print) {
    const float = columns.length > print.narrow ? "table*" : "table";
    const blocks = Math.max(1, Math.ceil(columns.length / print.wide)), size = Math.ceil(columns.length / blocks), shown = [];
    for (let start = 0; start < columns.length; start += size) shown.push(latexBlock(data, columns.slice(start, start + size), rows, print));
    return [print.needs, `\\begin{${float}}[t]`, data.before, shown.join(print.gap), `\\end{${float}}`, ""].join("\n");
  }
  function latexBlock(data, columns, rows, print) {
    const end = " \\\\", lines = [print.fit, "\\begin{tabular}{l" + "c".repeat(columns.length) + "}", "\\toprule"];
    const spans = [];
    for (const group of pick(data.groups, columns)) { if (spans.length && spans.at(-1)[0] === group) spans.at(-1)[1] += 1; else spans.push([group, 1]); }
    if (spans.some(([title]) => title)) lines.push(["", ...spans.map(([title, span]) => `\\multicolumn{${span}}{c}{${title}}`)].join(" & ") + end);
    lines.push([data.first, ...pick(data.heads, columns)].join(" & ") + end, "\\midrule");
    rows.forEach((r, i) => {
      const [title, block, cells] = data.rows[r];
      if (i && data.rows[rows[i - 1]][1] !== block) lines.push("\\midrule");
      lines.push([title, ...pick(cells, columns)].join(" & ") + end + "[2pt]");
    });
    return [...lines, "\\bottomrule", "\\end{tabular}}"].join("\n");
  }
  function markdownOf(data, columns, rows) {
    const lines = ["| " + [data.first, ...pick(data.heads, columns)].join(" | ") + " |", "|---" + "|---:".repeat(columns.length) + "|"];
    for (const r of rows) lines.push("| " + [data.rows[r][0], ...pick(data.rows[r][1], columns)].join(" | ") + " |");
    const signatures = [...new Set(pick(data.signatures, columns).flat())].sort();
    return [`**${data.title}**`, "", ...lines, "", data.note, ...signatures, ""].join("\n");
  }

  const choices = new Map();
  for (const box of document.querySelectorAll(".table[data-table]")) {
    const choice = new Choice(box);
    choices.set(choice.id, choice);
    const whole = typeof wholeTables[choice.id]?.csv === "string";  // then a saved table could not follow the choice
    if (!whole && (choice.columns.length > 2 || choice.order.length > 2)) choice.chooser();
  }
  function restore() {
    const known = eapHash.read();
    for (const choice of choices.values()) { choice.read(known.get(choice.id)); choice.apply(); }
    for (const choice of choices.values()) if (known.get(choice.id)) { const fold = choice.box.closest("details.breakdown"); if (fold) fold.open = true; }
  }
  restore();
  window.addEventListener("hashchange", restore);

  const choiceOf = (node) => choices.get(node.closest(".table").dataset.table);
  for (const box of document.querySelectorAll(".table[data-table]")) {
    box.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      const choice = choiceOf(button);
      if (button.matches(".sort")) choice.sort(button);
      else if (button.dataset.format) trying(button, async () => save(choice.id, button.dataset.format, await choice.export(button.dataset.format)));
      else if (button.matches(".num")) openCell(choice, button);
    });
    // One tab stop a table; arrows walk from number to number.
    box.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
      if (!step || !event.target.matches(".num")) return;
      event.preventDefault();
      const grid = [...event.currentTarget.querySelectorAll("tbody tr:not([hidden])")].map((row) => [...row.querySelectorAll("td:not([hidden])")]);
      let r = grid.findIndex((cells) => cells.includes(event.target.closest("td"))), c = grid[r].indexOf(event.target.closest("td"));
      for (;;) {
        r += step[0]; c += step[1];
        const cell = grid[r]?.[c];
        if (!cell) return;
        const number = cell.querySelector(".num");
        if (number) { event.target.tabIndex = -1; number.tabIndex = 0; number.focus(); return; }
      }
    });
  }

  // ---- the drawer: where a number comes from ----
  const sources = $("source-data") ? json("source-data") : null;
  const drawer = $("source");
  function entry(list, name, value, code = true) {
    if (!value || (Array.isArray(value) && !value.length)) return;
    const lines = Array.isArray(value) ? value : [value];
    list.append(make("dt", { textContent: name }), make("dd", {}, ...lines.flatMap((text, i) => [...(i ? [make("br")] : []), make(code ? "code" : "span", { textContent: text })])));
  }
  eapSource = ({ metric, methods, track, clip, part, shown }) => {
    if (!sources || !drawer) return;
    const about = sources.metrics[metric];
    const made = methods.map((name) => sources.methods[name]).filter(Boolean);
    const list = make("dl");
    entry(list, "Metric", about ? about.title : metric, false);
    entry(list, "Meaning", about?.help, false);
    entry(list, "Equals", about?.source, false);
    entry(list, "Method", made.map((m) => m.title).join(" against "), false);
    entry(list, "Part", part, false);
    entry(list, "Clip", clip);
    entry(list, "Reference image", track, false);
    entry(list, "Signature", about?.signatures.length ? about.signatures : "none: no value of this metric was pooled");
    const judged = about?.evaluators.length ? about.evaluators : about?.signatures.some((s) => /\b(landmarks|emotion|affect|identity|sync|features):/.test(s)) ? sources.evaluators : [];
    entry(list, "Evaluators (SHA-256)", judged.map(([name, hash]) => `${name} ${hash}`));
    if (!judged.length) entry(list, "Evaluators", "none named by this metric’s signature", false);
    entry(list, "Given to the method", [...new Set(made.map((m) => m.inputs).filter(Boolean))], false);
    entry(list, "Model weights (SHA-256)", made.flatMap((m) => m.weights.map(([name, hash]) => `${name} ${hash}`)));
    for (const [name, value] of sources.run) entry(list, name, value);
    $("source-number").textContent = shown;
    $("source-list").replaceChildren(...list.childNodes);
    $("source-repeat").textContent = sources.repeat;
    drawer.showModal();
  };
  function openCell(choice, button) {
    const cell = button.closest("td"), row = cell.closest("tr");
    const column = choice.heads[choice.cells[choice.order.indexOf(row)].indexOf(cell)];
    const [rowKey, columnKey] = [row.dataset.key, column.dataset.key];
    const gain = rowKey.match(/^gain-over-(.*)$/s);
    const known = (name) => Object.hasOwn(sources?.methods ?? {}, name);
    const methods = gain && !known(rowKey) ? ["eap", gain[1]] : [known(rowKey) ? rowKey : columnKey];
    const title = (node) => node.textContent.trim();
    eapSource({
      metric: choice.box.dataset.metric || columnKey, methods, track: choice.box.dataset.track,
      part: choice.box.dataset.metric ? (known(rowKey) ? columnKey : rowKey) : "",
      shown: [title(row.cells[0]), title(column.querySelector(".sort")), title(button), cell.querySelector(".ci")?.textContent, cell.querySelector(".n")?.textContent && `clips ${title(cell.querySelector(".n"))}`].filter(Boolean).join(" · "),
    });
  }
  for (const button of document.querySelectorAll(".why")) {
    const d = button.dataset;
    button.addEventListener("click", () => eapSource({
      metric: d.metric, track: d.track, clip: d.clip, methods: [d.method, d.against].filter(Boolean),
      shown: d.clip ? `${button.textContent.trim()} · ${d.clip}` : button.parentElement.textContent.replace(button.textContent, "").trim(),
    }));
  }
  if (drawer) {
    $("source-close").addEventListener("click", () => drawer.close());
    drawer.addEventListener("click", (event) => { if (event.target === drawer) drawer.close(); });
    $("source-copy").addEventListener("click", async () => {
      const lines = [$("source-number").textContent];
      for (const node of $("source-list").children) { if (node.tagName === "DT") lines.push(node.textContent + ":"); else lines[lines.length - 1] += " " + [...node.querySelectorAll("code, span")].map((n) => n.textContent).join(" ; "); }
      const text = [...lines, "", $("source-repeat").textContent].join("\n");
      try { await navigator.clipboard.writeText(text); $("source-copy").textContent = "Copied"; }
      catch { save("source", "markdown", text); }
      setTimeout(() => { $("source-copy").textContent = "Copy all"; }, 1500);
    });
  }

  // ---- figures: a saved one must stand alone, so page variables become the light colours named beside them ----
  function standalone(svg) {
    const copy = svg.cloneNode(true);
    const [, , width, height] = copy.getAttribute("viewBox").split(" ").map(Number);
    copy.setAttribute("width", width + "pt");
    copy.setAttribute("height", height + "pt");
    return [new XMLSerializer().serializeToString(copy).replace(/var\(--[a-z0-9]+, (#[0-9a-f]+)\)/g, "$1"), width, height];
  }
  async function png(text, width, height) {
    const scale = 300 / 72;  // a point is 1/72 inch: 300 dots per inch
    const picture = new Image();
    picture.src = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" }));
    await picture.decode();
    const canvas = make("canvas", { width: Math.round(width * scale), height: Math.round(height * scale) });
    const pen = canvas.getContext("2d");
    pen.fillStyle = "#ffffff";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
    URL.revokeObjectURL(picture.src);
    return new Promise((done) => { canvas.toBlob(done, "image/png"); });
  }
  for (const button of document.querySelectorAll(".save")) {
    button.addEventListener("click", () => trying(button, async () => {
      const key = button.dataset.plot, format = button.dataset.format ?? "svg";
      if (format === "csv") { save(key, "csv", (await eapData("plot-data"))[key]); return; }
      const [text, width, height] = standalone(button.closest("figure").querySelector("svg"));
      save(key, format, format === "svg" ? text : await png(text, width, height));
    }));
  }

  // The browser's own controls would cover half of so small a face: a click on the picture plays it instead.
  for (const video of document.querySelectorAll(".worst video")) {
    if (video.dataset.poster) video.poster = eapMedia(video.dataset.poster);
    const button = make("button", { type: "button", className: "play-here" });
    button.setAttribute("aria-label", "Play " + video.getAttribute("aria-label"));
    video.removeAttribute("controls");
    video.replaceWith(button);
    button.append(video);
    button.addEventListener("click", () => {
      const wanted = eapMedia(video.getAttribute("src"));
      if (wanted !== video.getAttribute("src")) video.src = wanted;
      if (video.paused) video.play().catch(() => {}); else video.pause();
    });
    for (const name of ["play", "pause", "ended"]) video.addEventListener(name, () => button.classList.toggle("on", !video.paused));
  }

  // Links within the page scroll and leave the address alone, for it keeps what was chosen.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const name = link.getAttribute("href").slice(1);
    event.preventDefault();
    if (name.includes("=")) {
      eapHash.write(Object.fromEntries(new URLSearchParams(name.replace(/\+/g, "%2B"))));
      window.dispatchEvent(new Event("eap-clip"));
      return;
    }
    const target = $(name);
    if (!target) return;
    target.tabIndex = -1;
    target.focus({ preventScroll: true });
    target.scrollIntoView();
  });

  const root = document.documentElement;
  $("theme").addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });
  // Paper shows what is folded away on the screen.
  let opened = [];
  window.addEventListener("beforeprint", () => { opened = [...document.querySelectorAll("details.breakdown:not([open]), #provenance details:not([open])")]; opened.forEach((d) => { d.open = true; }); });
  window.addEventListener("afterprint", () => opened.forEach((d) => { d.open = false; }));
})();
