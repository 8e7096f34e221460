"use strict";
(async () => {
  const $ = (id) => document.getElementById(id);
  let data = null;
  try { data = await eapData("player-data"); } catch (error) { $("stage").textContent = "No player: " + error.message + "."; return; }
  const TOP = Math.SQRT2, STEPS = 100, UNKNOWN = 101, BASE = 40, HUNDRED = 100;
  const DASHES = ["", "8 3", "3 3", "12 3 3 3"];
  const SVG = "http://www.w3.org/2000/svg";
  const state = { clip: 0, track: 0, sound: -1, t: 0 };
  let tiles = [];      // { method, video | null, node }
  let traces = [];     // { method | -1, values }
  let playing = false, near = false, duration = 0, cursor = null, plot = null;

  function make(tag, properties = {}, ...children) {
    const node = Object.assign(document.createElement(tag), properties);
    node.append(...children);
    return node;
  }
  function draw(tag, attributes) {
    const node = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    return node;
  }
  const place = (href, ...parts) => eapMedia(href === 1 ? `${data.base}/media/${parts.map(encodeURIComponent).join("/")}` : href);
  const videoOf = (index) => place(shown().rows[index].media, data.methods[index].name, data.tracks[state.track], current().id + ".mp4");
  const pictureOf = () => place(shown().reference, "reference", data.tracks[state.track], current().id + ".png");
  const color = (method) => `var(--m${method.color})`;
  // How the texts are packed: reports/packing.py. A trace has one sign a frame, the step from the level before.
  const unpack = (text) => {
    let level = 0;
    return Array.from(text, (c) => {
      const code = c.charCodeAt(0) - BASE;
      level = (level + (code % 2 ? -(code + 1) / 2 : code / 2) + UNKNOWN + 1) % (UNKNOWN + 1);
      return level === UNKNOWN ? NaN : (level / STEPS) * TOP;
    });
  };
  // A number of a column, counted in its last digit; null where there is none.
  function numberAt(column, clip, digits = 0) {
    if (Array.isArray(column) || !column) return column?.[clip] ?? null;
    const high = column.high.charCodeAt(clip) - BASE;
    return high === 0 ? null : (column.least + (high - 1) * HUNDRED + column.low.charCodeAt(clip) - BASE) / 10 ** digits;
  }
  // The columns of all clips, and the one clip that is shown as an object.
  const clips = data.clips.id.map((id, i) => ({ id, identity: data.words[data.clips.identity[i]], emotion: data.words[data.clips.emotion[i]], level: data.clips.level[i] }));
  const current = () => clips[state.clip];
  let seen = null;     // { clip, track, view }
  function shown() {
    if (seen?.clip === state.clip && seen.track === state.track) return seen.view;
    const i = state.clip, all = data.views[state.track];
    const rows = all.rows.map((row) => ({
      media: row.m[i], reason: data.words[row.r[i]], judged: data.words[row.j[i]], trace: row.t[i],
      values: data.metrics.map((metric, k) => numberAt(row.v[k], i, metric.digits)), worst: row.w.map((column) => numberAt(column, i)),
    }));
    seen = { clip: i, track: state.track, view: { reference: all.reference[i], referenceEmotion: data.words[all.referenceEmotion[i]], truth: all.truth[i], rows } };
    return seen.view;
  }
  const videos = () => tiles.map((tile) => tile.video).filter(Boolean);
  const master = () => (tiles.find((tile) => tile.method === state.sound && tile.video) ?? tiles.find((tile) => tile.video))?.video;

  // ---- state in the address ----
  function writeHash() {
    eapHash.write({ clip: current().id, track: data.tracks[state.track], t: state.t.toFixed(2), sound: state.sound >= 0 ? data.methods[state.sound].name : null });
  }
  function readHash() {
    const wanted = eapHash.read();
    const clip = data.clips.id.indexOf(wanted.get("clip"));
    if (clip < 0) return false;
    state.clip = clip;
    const track = data.tracks.indexOf(wanted.get("track"));
    if (track >= 0) state.track = track;
    const sound = data.methods.findIndex((m) => m.name === wanted.get("sound"));
    if (sound >= 0) state.sound = sound;
    const t = Number(wanted.get("t"));
    state.t = Number.isFinite(t) && t > 0 ? t : 0;
    return true;
  }

  // ---- tiles ----
  function judgement(row) {
    if (!row.judged) return "";
    const truth = current().emotion;
    const kind = truth ? (row.judged === truth ? "right" : "wrong") : "";
    return make("span", { className: "judged " + kind, textContent: `judged ${row.judged}` });
  }
  function tileFor(index) {
    const method = data.methods[index], row = shown().rows[index];
    const screen = make("div", { className: "screen" });
    let video = null;
    const broken = (text) => screen.replaceChildren(make("p", { className: "broken", textContent: text }));
    if (row.media) {
      video = make("video", { src: videoOf(index), preload: near ? "auto" : "none", playsInline: true, muted: true });
      video.setAttribute("aria-label", method.title);
      if (shown().reference) video.poster = pictureOf();
      video.addEventListener("error", () => {
        tiles.find((tile) => tile.video === video).video = null;
        broken("the video file cannot be played");
      });
      video.addEventListener("loadedmetadata", () => { duration = Math.max(duration, video.duration); video.currentTime = Math.min(state.t, video.duration); });
      screen.append(video);
    } else broken(row.reason);
    const swatch = make("span", { className: "swatch" });
    swatch.style.background = color(method);
    const caption = make("figcaption", {}, swatch, method.title, judgement(row));
    if (video) {
      const ear = make("button", { type: "button", className: "ear", textContent: "listen" });
      ear.addEventListener("click", () => setSound(state.sound === index ? -1 : index));
      caption.append(ear);
    }
    const node = make("figure", { className: "tile" }, screen, caption);
    node.addEventListener("pointerenter", () => single(index));
    node.addEventListener("pointerleave", () => single(-1));
    return { method: index, video, node };
  }
  function referenceTile() {
    const screen = make("div", { className: "screen" });
    if (shown().reference) screen.append(make("img", { src: pictureOf(), alt: "Reference image", loading: "lazy" }));
    else screen.append(make("p", { className: "broken", textContent: "no reference image recorded" }));
    const note = shown().referenceEmotion ? "shows " + shown().referenceEmotion : data.tracks[state.track];
    return make("figure", { className: "tile reference" }, screen,
      make("figcaption", {}, make("strong", { textContent: "Reference image" }), make("span", { className: "judged", textContent: note })));
  }

  // Rows of equal length: no tile stands alone in a row of its own.
  function spread() {
    const box = $("tiles"), count = tiles.length + 1, room = Math.max(1, Math.floor((box.clientWidth + 6) / (box.clientWidth < 480 ? 98 : 122)));
    box.style.setProperty("--tiles", Math.ceil(count / Math.ceil(count / room)));
  }

  // ---- trace ----
  function drawTrace() {
    const box = $("trace"), width = Math.max(260, box.clientWidth), height = 190;
    const left = 34, right = width - 8, top = 8, bottom = height - 24;
    const longest = Math.max(1, ...traces.map((trace) => trace.values.length));
    const seconds = Math.max(longest / data.fps, duration || 0);
    const peak = Math.max(0.5, ...traces.flatMap((trace) => trace.values.filter(Number.isFinite)));
    const x = (t) => left + (t / seconds) * (right - left), y = (r) => bottom - (r / peak) * (bottom - top);
    const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "Intensity over time" });
    const label = (text, px, py, anchor) => { const node = draw("text", { x: px, y: py, "text-anchor": anchor }); node.textContent = text; svg.append(node); };
    for (const r of [0, 0.5, 1].filter((v) => v <= peak)) {
      svg.append(draw("line", { class: "axis", x1: left, x2: right, y1: y(r), y2: y(r) }));
      label(String(r), left - 6, y(r) + 4, "end");
    }
    const step = seconds > 6 ? 2 : seconds > 2.5 ? 1 : 0.5;
    for (let t = 0; t <= seconds + 1e-6; t += step) label(t.toFixed(step < 1 ? 1 : 0) + " s", x(t), height - 8, t === 0 ? "start" : t + step > seconds ? "end" : "middle");
    for (const trace of traces) svg.append(...linesOf(trace, x, y));
    cursor = draw("line", { class: "cursor", y1: top, y2: bottom });
    svg.append(cursor);
    if (traces.length === 0) label("no intensity was recorded for this clip", (left + right) / 2, height / 2, "middle");
    box.replaceChildren(svg);
    plot = { svg, x, time: (px) => ((px - left) / (right - left)) * seconds, seconds, width };
    const seekTo = (event) => {
      const frame = svg.getBoundingClientRect();
      seek(plot.time(((event.clientX - frame.left) / frame.width) * plot.width));
    };
    svg.addEventListener("pointerdown", (event) => { pause(); svg.setPointerCapture(event.pointerId); seekTo(event); });
    svg.addEventListener("pointermove", (event) => { if (event.buttons) seekTo(event); });
    svg.addEventListener("pointerup", writeHash);
    moveCursor();
  }
  function linesOf(trace, x, y) {
    const runs = [[]];
    trace.values.forEach((value, frame) => {
      if (Number.isFinite(value)) runs.at(-1).push(`${x((frame + 0.5) / data.fps).toFixed(1)},${y(value).toFixed(1)}`);
      else if (runs.at(-1).length) runs.push([]);
    });
    return runs.filter((points) => points.length).map((points) => {
      if (points.length === 1) points.push(points[0]);  // one frame alone is a dot
      const line = draw("polyline", { points: points.join(" "), class: trace.method < 0 ? "truth" : "line" });
      if (trace.method >= 0) {
        const method = data.methods[trace.method];
        line.dataset.method = trace.method;
        line.style.stroke = color(method);
        line.style.strokeDasharray = DASHES[method.dash];
      }
      return line;
    });
  }
  function single(index) {
    $("trace").classList.toggle("single", index >= 0 && traces.some((trace) => trace.method === index));
    for (const line of $("trace").querySelectorAll(".line")) line.classList.toggle("on", Number(line.dataset.method) === index);
  }
  function moveCursor() {
    $("time").textContent = `${state.t.toFixed(2)} s · frame ${Math.floor(state.t * data.fps + 1e-6)}`;
    if (!cursor) return;
    const px = plot.x(Math.min(state.t, plot.seconds));
    cursor.setAttribute("x1", px);
    cursor.setAttribute("x2", px);
  }

  // ---- the worst frame: of the heard method, else of the first that has one ----
  function toWorst() {
    const which = Number($("worst-by").value);
    const rows = shown().rows, known = (index) => (rows[index]?.worst[which] ?? null) !== null;
    const method = known(state.sound) ? state.sound : data.methods.findIndex((m, index) => m.role !== "ceiling" && known(index));
    if (method < 0) { $("time").textContent = data.worst.length ? `no frame is known to be worst by ${data.worst[which].title} here` : "no worst frames were recorded"; return; }
    pause();
    seek((rows[method].worst[which] + 0.5) / data.fps);
    writeHash();
    $("time").textContent += ` · ${data.methods[method].title} is ${data.worst[which].words}`;
  }

  // ---- values of the clip ----
  function numberOf(v, k, index) {
    const metric = data.metrics[k], method = data.methods[index], clip = current().id, track = data.tracks[state.track];
    const button = make("button", { type: "button", className: "value num", textContent: v.toFixed(metric.digits).replace("-", "−") });
    button.addEventListener("click", () => eapSource({ metric: metric.name, methods: [method.name], track, clip, shown: `${method.title} · ${metric.title} · ${button.textContent} · ${clip}` }));
    return button;
  }
  function fillValues() {
    const head = make("tr", {}, make("th", { textContent: "Method", scope: "col" }),
      ...data.metrics.map((m) => make("th", { textContent: `${m.title} ${m.arrow}`, scope: "col" })));
    const rows = shown().rows.map((row, index) => make("tr", {}, make("th", { textContent: data.methods[index].title, scope: "row" }),
      ...row.values.map((v, k) => make("td", {}, v === null ? "–" : numberOf(v, k, index)))));
    $("values").replaceChildren(make("table", { className: "plain" }, make("thead", {}, head), make("tbody", {}, ...rows)));
  }

  // ---- one clock ----
  function seek(t) {
    const end = Math.max(0, (duration || plot?.seconds || 0) - 0.5 / data.fps);
    state.t = Math.min(Math.max(0, t), end);
    for (const video of videos()) video.currentTime = Math.min(state.t, video.duration || state.t);
    moveCursor();
  }
  function step(frames) {
    pause();
    // The middle of a frame, so that rounding cannot show its neighbour.
    seek((Math.floor(state.t * data.fps + 1e-6) + frames + 0.5) / data.fps);
    writeHash();
  }
  function play() {
    const lead = master();
    if (!lead) return;
    if (state.t >= lead.duration - 1.5 / data.fps) seek(0);
    playing = true;
    $("play").textContent = "❚❚ Pause";
    for (const video of videos()) {
      video.playbackRate = Number($("speed").value);
      video.currentTime = Math.min(state.t, video.duration || state.t);
      video.play().catch(() => { if (video === master()) pause(); });
    }
    requestAnimationFrame(tick);
  }
  function pause() { if (stop()) writeHash(); }
  function stop() {
    if (!playing) return false;
    playing = false;
    $("play").textContent = "▶ Play";
    for (const video of videos()) video.pause();
    seek(state.t);
    return true;
  }
  function tick(now) {
    if (!playing) return;
    const lead = master();
    if (!lead) { pause(); return; }
    if (lead.ended) {
      if (!$("loop").checked) { state.t = lead.duration; pause(); return; }
      seek(0);
      for (const video of videos()) video.play().catch(() => {});
    }
    state.t = lead.currentTime;
    for (const video of videos()) follow(video, lead, now);
    moveCursor();
    requestAnimationFrame(tick);
  }
  // Small drift is met by speed, large drift by a jump, at most four jumps a second: re-seeking every frame would stutter.
  function follow(video, lead, now) {
    if (video === lead || video.ended || video.seeking) return;
    const rate = Number($("speed").value), drift = video.currentTime - lead.currentTime;
    if (Math.abs(drift) > 0.12 && now - (video.jumped ?? 0) > 250) { video.jumped = now; video.currentTime = lead.currentTime; }
    video.playbackRate = Math.abs(drift) > 0.015 ? rate * (1 - Math.max(-0.2, Math.min(0.2, drift * 2))) : rate;
  }

  function setSound(index) { hear(index); writeHash(); }
  function hear(index) {
    state.sound = index;
    $("sound").value = String(index);
    for (const tile of tiles) {
      const heard = tile.method === index;
      if (tile.video) { tile.video.muted = !heard; if (heard) tile.video.playbackRate = Number($("speed").value); }
      tile.node.classList.toggle("heard", heard);
      const ear = tile.node.querySelector(".ear");
      if (ear) { ear.setAttribute("aria-pressed", String(heard)); ear.textContent = heard ? "♪ heard" : "listen"; }
    }
  }
  function show(t = 0) {
    const again = stop();
    state.t = t;
    duration = 0;
    $("clip").value = String(state.clip);
    $("track").value = String(state.track);
    tiles = data.methods.map((_, index) => tileFor(index));
    $("tiles").replaceChildren(referenceTile(), ...tiles.map((tile) => tile.node));
    spread();
    traces = shown().rows.map((row, method) => ({ method, values: unpack(row.trace) })).filter((trace) => trace.values.length);
    if (shown().truth) traces.unshift({ method: -1, values: unpack(shown().truth) });
    drawTrace();
    describe();
    fillValues();
    hear(state.sound);
    if (again) play();
  }
  function describe() {
    const clip = current(), words = [];
    if (clip.emotion) words.push("the voice is ", make("b", { textContent: clip.emotion + (clip.level ? `, level ${clip.level}` : "") }));
    if (shown().referenceEmotion) words.push(words.length ? "; " : "", "the reference image shows ", make("b", { textContent: shown().referenceEmotion }));
    $("about").replaceChildren(make("b", { textContent: clip.identity || clip.id }), words.length ? ": " : "", ...words);
  }
  function choose(change) { Object.assign(state, change); show(); writeHash(); }
  const other = (by) => choose({ clip: (state.clip + by + clips.length) % clips.length });

  function fillSelects() {
    const groups = new Map();
    clips.forEach((clip, index) => {
      const key = clip.emotion || "clips";
      if (!groups.has(key)) groups.set(key, make("optgroup", { label: key }));
      const words = clip.identity ? [clip.identity, clip.emotion, clip.level ? "level " + clip.level : "", "· " + clip.id] : [clip.id];
      groups.get(key).append(make("option", { value: String(index), textContent: words.filter(Boolean).join(" ") }));
    });
    $("clip").append(...groups.values());
    $("track").append(...data.tracks.map((name, index) => make("option", { value: String(index), textContent: name })));
    $("sound").append(make("option", { value: "-1", textContent: "off" }), ...data.methods.map((m, index) => make("option", { value: String(index), textContent: m.title })));
  }
  const keys = { " ": () => (playing ? pause() : play()), ArrowLeft: (e) => step(e.shiftKey ? -10 : -1), ArrowRight: (e) => step(e.shiftKey ? 10 : 1), ArrowUp: () => other(-1), ArrowDown: () => other(1), w: toWorst, l: () => { $("loop").checked = !$("loop").checked; } };
  function onKey(event) {
    const target = event.target, inside = $("stage").contains(target);
    if (!(inside || (near && target === document.body)) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (target.matches("select, input, summary, a, .scroll") || (target.matches("button") && event.key === " ")) return;
    if (!inside && event.key.startsWith("Arrow") && !event.key.match(/Left|Right/)) return;  // leave the page its scrolling
    const action = keys[event.key];
    if (action) { event.preventDefault(); action(event); }
  }

  fillSelects();
  state.track = Math.max(0, data.tracks.indexOf("emotional"));
  state.sound = data.main;
  const asked = readHash();
  show(state.t);
  $("clip").addEventListener("change", (event) => choose({ clip: Number(event.target.value) }));
  $("track").addEventListener("change", (event) => choose({ track: Number(event.target.value) }));
  $("sound").addEventListener("change", (event) => setSound(Number(event.target.value)));
  $("speed").addEventListener("change", () => videos().forEach((video) => { video.playbackRate = Number($("speed").value); }));
  $("play").addEventListener("click", () => (playing ? pause() : play()));
  $("back").addEventListener("click", () => step(-1));
  $("forth").addEventListener("click", () => step(1));
  $("worst-by").append(...data.worst.map((kind, index) => make("option", { value: String(index), textContent: kind.title })));
  $("worst-frame").hidden = data.worst.length === 0;
  $("to-worst").addEventListener("click", toWorst);
  $("prev-clip").addEventListener("click", () => other(-1));
  $("next-clip").addEventListener("click", () => other(1));
  document.addEventListener("keydown", onKey);
  for (const name of ["hashchange", "eap-clip"]) window.addEventListener(name, () => { if (readHash()) { show(state.t); $("player").scrollIntoView(); } });
  new ResizeObserver(() => { spread(); if (plot && Math.abs($("trace").clientWidth - plot.width) > 2) drawTrace(); }).observe($("trace"));
  new IntersectionObserver((entries) => {
    near = entries.at(-1).isIntersecting;
    if (near) for (const video of videos()) if (video.preload === "none") { video.preload = "auto"; video.load(); }
  }, { rootMargin: "300px" }).observe($("stage"));
  if (asked) $("player").scrollIntoView();
  $("stage").dataset.ready = "1";
})();
