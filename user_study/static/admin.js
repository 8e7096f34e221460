// The live status page: asks for the numbers again and again.

import { base, byId, make, sleep } from "./common.js";

const EVERY = 10000;

function table(caption, head, rows) {
  const row = (cells, tag) => make("tr", {}, ...cells.map((cell, i) => {
    const node = make(i === 0 ? "th" : tag, {}, String(cell?.text ?? cell));
    if (i === 0 || tag === "th") node.scope = tag === "th" ? "col" : "row";
    if (cell?.kind) node.className = cell.kind;
    return node;
  }));
  const node = make("table", {}, make("caption", {}, caption), make("thead", {}, row(head, "th")), make("tbody", {}, ...rows.map((cells) => row(cells, "td"))));
  const box = make("div", { className: "scroll", tabIndex: 0, role: "region" }, node);
  box.setAttribute("aria-label", caption);
  return box;
}

const words = (text) => ({ text, kind: "words" });
const percent = (share) => `${(100 * share).toFixed(1)} %`;

function blockTable(block, planned) {
  const emotions = [...new Set(block.cells.map((cell) => cell.emotion))];
  const methods = [...new Set(block.cells.map((cell) => cell.methods.join(" – ")))];
  const rows = methods.map((method) => [method, ...emotions.map((emotion) => {
    const cells = block.cells.filter((cell) => cell.methods.join(" – ") === method && cell.emotion === emotion);
    const done = cells.reduce((sum, cell) => sum + cell.done, 0);
    const pending = cells.reduce((sum, cell) => sum + cell.pending, 0);
    return { text: pending ? `${done} + ${pending}` : done, kind: done === 0 ? "none" : "" };
  })]);
  return table(`${block.name}: emptiest cell ${block.least}, fullest ${block.most}`, ["methods", ...emotions.map((emotion) => emotion || "–")], rows);
}

function draw(data) {
  byId("when").textContent = `${data.answers} answers saved · ${data.minutes === null ? "nobody has finished yet" : `median ${data.minutes} minutes to finish`} · as of ${new Date().toLocaleTimeString()}`;
  byId("raters").replaceChildren(
    ...[["finished", `${data.raters.done} / ${data.planned}`], ["rating now", data.raters.active], ["went silent", data.raters.dropped],
      ["withdrew", data.raters.withdrawn], ["failed the check", data.raters.blocked], ["filled again", data.excluded]]
      .map(([words, n]) => make("div", {}, make("b", {}, String(n)), make("span", {}, words))));
  byId("blocks").replaceChildren(...data.blocks.map((block) => blockTable(block)));
  const checks = Object.entries(data.checks).map(([name, [right, all]]) => [name, right, all, percent(right / all)]);
  byId("checks").replaceChildren(checks.length ? table("Checks on raters", ["check", "as expected", "answered", "share"], checks) : make("p", { className: "small" }, "None was answered yet."));
  if (data.screening) {
    const { paid, used, raters } = data.screening;
    byId("checks").append(make("p", {}, `Screening of ${raters} raters by the design's two tiers: ${paid} paid, ${used} used.`));
    if (data.screening.missed.length) byId("checks").append(table("Rules that raters miss", ["tier", words("measure"), words("threshold"), "raters"], data.screening.missed.map(([tier, measure, threshold, n]) => [tier, words(measure), words(threshold), n])));
  }
  const left = Object.entries(data.left_at);
  byId("left").replaceChildren(left.length ? table("Raters who went silent", ["after trials", ...left.map(([at]) => at)], [["raters", ...left.map(([, n]) => n)]]) : make("p", { className: "small" }, "Nobody."));
  byId("playback").replaceChildren(data.playback.length ? table("By kind of device", ["device", "answers", "stalled", "frames dropped", "wait (median)", "wait (95 %)"],
    data.playback.map((one) => [one.device, one.answers, percent(one.stalled), percent(one.dropped), `${one.load_median.toFixed(2)} s`, `${one.load_worst.toFixed(2)} s`])) : make("p", { className: "small" }, "No answers yet."));
  byId("faults").replaceChildren(...data.faults.map((words) => make("p", { className: "wrong" }, words)));
}

for (;;) {
  try {
    const reply = await fetch(`${base}/admin/data`, { credentials: "same-origin", cache: "no-store" });
    if (reply.status === 401) { location.reload(); break; }
    if (reply.ok) draw(await reply.json());
    else byId("when").textContent = "The server cannot answer right now.";
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    byId("when").textContent = "No connection. Trying again …";
  }
  await sleep(EVERY);
}
