"use strict";
(() => {
  const exportsData = JSON.parse(document.getElementById("export-data").textContent);
  const endings = { csv: ["csv", "text/csv"], latex: ["tex", "text/x-tex"], markdown: ["md", "text/markdown"], svg: ["svg", "image/svg+xml"] };

  function save(name, format, text) {
    const [ending, type] = endings[format];
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: type + ";charset=utf-8" }));
    link.download = name + "." + ending;
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  for (const button of document.querySelectorAll(".export button")) {
    button.addEventListener("click", () => {
      const key = button.closest(".table").dataset.table;
      save(key, button.dataset.format, exportsData[key][button.dataset.format]);
    });
  }

  // A saved figure must stand alone: page variables become the light colours named beside them.
  for (const button of document.querySelectorAll(".save")) {
    button.addEventListener("click", () => {
      const copy = button.closest("figure").querySelector("svg").cloneNode(true);
      const [, , width, height] = copy.getAttribute("viewBox").split(" ");
      copy.setAttribute("width", width + "pt");
      copy.setAttribute("height", height + "pt");
      const text = new XMLSerializer().serializeToString(copy).replace(/var\(--[a-z0-9]+, (#[0-9a-f]+)\)/g, "$1");
      save(button.dataset.plot, "svg", text);
    });
  }

  function sortTable(button) {
    const head = button.closest("th");
    const body = button.closest("table").tBodies[0];
    const rows = [...body.rows];
    rows.forEach((row, index) => { row.dataset.place ??= String(index); });
    const first = button.dataset.first;
    const second = first === "descending" ? "ascending" : "descending";
    const now = head.getAttribute("aria-sort");
    const next = now === "none" ? first : now === first ? second : "none";
    for (const other of head.parentElement.querySelectorAll("[aria-sort]")) other.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", next);
    const column = Number(button.dataset.column) + 1;
    const sign = next === "ascending" ? 1 : -1;
    const place = (row) => Number(row.dataset.place);
    rows.sort((a, b) => {
      if (next === "none") return place(a) - place(b);
      const [x, y] = [a, b].map((row) => row.cells[column].dataset.value);
      if (x === "" || y === "") return (x === "") - (y === "") || place(a) - place(b);
      return sign * (Number(x) - Number(y)) || place(a) - place(b);
    });
    body.append(...rows);
  }
  for (const button of document.querySelectorAll(".sort")) button.addEventListener("click", () => sortTable(button));

  // The browser's own controls would cover half of so small a face: a click on the picture plays it instead.
  for (const video of document.querySelectorAll(".worst video")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "play-here";
    button.setAttribute("aria-label", "Play " + video.getAttribute("aria-label"));
    video.removeAttribute("controls");
    video.replaceWith(button);
    button.append(video);
    button.addEventListener("click", () => { if (video.paused) video.play().catch(() => {}); else video.pause(); });
    for (const name of ["play", "pause", "ended"]) video.addEventListener(name, () => button.classList.toggle("on", !video.paused));
  }

  const root = document.documentElement;
  document.getElementById("theme").addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });
})();
