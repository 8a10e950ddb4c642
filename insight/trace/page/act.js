// ---- Moving ------------------------------------------------------------------------------------------------------------

let rowOf = [];
function filter() {
  const wanted = element("filter").value.trim().toLowerCase();
  const matches = (lane) => `${lane.title} ${lane.site ?? ""}`.toLowerCase().includes(wanted);
  rows = [...lanes.keys()].filter((index) => matches(lanes[index]));
  // Where not all are in view, the worst come first.
  if (rows.length * ROW > canvas.clientHeight - HEAD) rows.sort((one, other) => weights[other] - weights[one]);
  rowOf = new Int32Array(lanes.length).fill(-1);
  rows.forEach((index, row) => (rowOf[index] = row));
  move(0, 0);
}

/// Moves the view by a part of its width, and by pixels down.
function move(part, down) {
  const { from, to } = whole();
  const span = view.to - view.from;
  const by = Math.min(Math.max(part * span, from - span / 2 - view.from), to + span / 2 - view.to);
  view.from += by;
  view.to += by;
  const most = Math.max(0, rows.length * ROW - (size.height - HEAD));
  view.top = Math.min(Math.max(view.top + down, 0), most);
  redraw();
}

/// `factor` below 1 zooms in; what is at `around` stays there.
function zoom(factor, around) {
  const { from, to } = whole();
  const least = view.bySteps ? 4 : 10;
  const span = Math.min(Math.max((view.to - view.from) * factor, least), (to - from) * 1.1 + least);
  const part = (around - view.from) / (view.to - view.from);
  view.from = around - part * span;
  view.to = view.from + span;
  move(0, 0);
}

function showAll() {
  const { from, to } = whole();
  const rim = (to - from) * 0.02;
  Object.assign(view, { from: from - rim, to: to + rim });
  move(0, 0);
}

/// Where the keyboard zooms: the selected turn, if it is in view.
function centre() {
  const lane = lanes[selected?.lane];
  const at = lane && selected.turn >= 0 && selected.turn < lane.count ? begin(lane, selected.turn) : NaN;
  return at >= view.from && at <= view.to ? at : (view.from + view.to) / 2;
}

function select(lane, turn) {
  selected = { lane, turn };
  current = -1;
  element("troubles").selectedIndex = -1;
  hovered = null;
  const row = rowOf[lane];
  const below = (row + 1) * ROW - (size.height - HEAD);
  if (row >= 0) view.top = Math.min(Math.max(view.top, below), row * ROW);
  if (turn >= 0 && turn < lanes[lane].count) {
    const at = begin(lanes[lane], turn);
    const span = view.to - view.from;
    if (at < view.from + span * 0.02 || at > view.to - span * 0.02) {
      view.from = at - span / 2;
      view.to = at + span / 2;
    }
  }
  move(0, 0);
  tell();
}

/// The turn of a lane that is nearest to a value of the axis; -1 if it has none.
function nearest(index, value) {
  const lane = lanes[index];
  const after = first(lane.count, (turn) => end(lane, turn) >= value);
  if (after === lane.count) return lane.count - 1;
  const before = after - 1;
  return before >= 0 && value - end(lane, before) < begin(lane, after) - value ? before : after;
}

function nextTrouble(direction) {
  if (troubles.length) goTo((current + (current < 0 && direction < 0 ? 0 : direction) + troubles.length) % troubles.length);
}

function goTo(index) {
  select(troubles[index].lane, troubles[index].turn);
  current = index;
  element("troubles").selectedIndex = Math.min(current, MOST_LISTED);
}

/// Makes what is selected, and the wait before it, a third of what is in view.
function showSelected() {
  if (!selected) return;
  const lane = lanes[selected.lane];
  const [turn, wake] = [selected.turn, wakeOf(selected)];
  const hasTurn = turn >= 0 && turn < lane.count;
  const to = hasTurn ? end(lane, turn) : whole().to;
  const from = wake ? place(wake.at, wake.step) : hasTurn ? begin(lane, turn) : 0;
  const span = Math.max(to - from, view.bySteps ? 4 : 10);
  Object.assign(view, { from: from - span, to: to + span });
  move(0, 0);
}

function useSteps(bySteps) {
  const at = centre();
  const isWhole = view.to - view.from >= whole().to;
  view.bySteps = bySteps;
  element("steps").checked = bySteps;
  showAll();
  if (!isWhole && selected) {
    zoom(0.1, centre());
    select(selected.lane, selected.turn);
  }
}

// ---- Keyboard ----------------------------------------------------------------------------------------------------------

const KEYS = {
  ArrowLeft: (event) => (event.shiftKey ? move(-0.2, 0) : step(-1)),
  ArrowRight: (event) => (event.shiftKey ? move(0.2, 0) : step(1)),
  ArrowUp: () => lane(-1),
  ArrowDown: () => lane(1),
  PageUp: () => lane(-10),
  PageDown: () => lane(10),
  Home: showAll,
  "+": () => zoom(0.6, centre()),
  "=": () => zoom(0.6, centre()),
  "-": () => zoom(1 / 0.6, centre()),
  Enter: toWaker,
  Backspace: () => visited.length && select(...visited.pop()),
  n: () => nextTrouble(1),
  p: () => nextTrouble(-1),
  o: () => useSteps(!view.bySteps),
  // As in Perfetto and in Chrome's performance panel.
  w: () => zoom(0.6, centre()),
  s: () => zoom(1 / 0.6, centre()),
  a: () => move(-0.2, 0),
  d: () => move(0.2, 0),
  f: showSelected,
  "/": () => element("filter").focus(),
};

function step(by) {
  if (!selected) return lane(0);
  const last = lanes[selected.lane].count - 1;
  select(selected.lane, Math.min(Math.max(selected.turn + by, Math.min(0, last)), last));
}

function lane(by) {
  if (!rows.length) return;
  const row = selected ? Math.min(Math.max(rowOf[selected.lane] + by, 0), rows.length - 1) : 0;
  select(rows[row], nearest(rows[row], selected ? centre() : view.from));
}

function toWaker() {
  const wake = selected && wakeOf(selected);
  if (!wake || wake.by < 0 || wake.from < 0) return;
  visited.push([selected.lane, selected.turn]);
  select(wake.by, wake.from);
}

// The letters work from everywhere but a field of text; the other keys, which buttons and lists need, where nothing else has the
// focus.
document.addEventListener("keydown", (event) => {
  const focused = document.activeElement;
  if (event.key === "Escape" && focused !== canvas) return canvas.focus();
  const isOwn = focused === canvas || focused === document.body;
  const isLetter = event.key.length === 1 && event.key !== " ";
  if (!isOwn && !(isLetter && !focused.matches("input:not([type=checkbox])"))) return;
  const act = KEYS[event.key] ?? KEYS[event.key.toLowerCase()];
  if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  act(event);
});

// ---- Mouse and touch ---------------------------------------------------------------------------------------------------

function at(event) {
  const row = Math.floor((event.offsetY - HEAD + view.top) / ROW);
  if (event.offsetY < HEAD || row < 0 || row >= rows.length) return null;
  const turn = event.offsetX > size.gutter ? nearest(rows[row], value(event.offsetX)) : -1;
  return { lane: rows[row], turn };
}

const fingers = new Map();
let hasMoved = false;

canvas.addEventListener("pointerdown", (event) => {
  fingers.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
  canvas.setPointerCapture(event.pointerId);
  hasMoved = false;
});

canvas.addEventListener("pointermove", (event) => {
  const finger = fingers.get(event.pointerId);
  if (!finger) {
    hovered = at(event);
    tell();
    return redraw();
  }
  const before = [...fingers.values()].map((finger) => finger.x);
  const [right, down] = [event.offsetX - finger.x, event.offsetY - finger.y];
  hasMoved ||= Math.hypot(right, down) > 3;
  Object.assign(finger, { x: event.offsetX, y: event.offsetY });
  if (fingers.size === 1) {
    move(-right / (size.width - size.gutter), -down);
  } else if (fingers.size === 2) {
    const after = [...fingers.values()].map((finger) => finger.x);
    const apart = ([one, other]) => Math.max(Math.abs(one - other), 10);
    zoom(apart(before) / apart(after), value((after[0] + after[1]) / 2));
    hasMoved = true;
  }
});

for (const name of ["pointerup", "pointercancel"]) {
  canvas.addEventListener(name, (event) => {
    fingers.delete(event.pointerId);
    const it = at(event);
    if (name === "pointerup" && !hasMoved && it) select(it.lane, it.turn);
  });
}

canvas.addEventListener("pointerleave", () => {
  hovered = null;
  tell();
  redraw();
});

canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  const scrolls = rows.length * ROW > size.height - HEAD && !event.ctrlKey && !event.metaKey;
  if (event.shiftKey || event.deltaX) move((event.deltaX || event.deltaY) / 1000, 0);
  else if (scrolls) move(0, event.deltaY);
  else zoom(1.002 ** event.deltaY, value(Math.max(event.offsetX, size.gutter)));
}, { passive: false });

// ---- Controls ----------------------------------------------------------------------------------------------------------

element("in").onclick = () => zoom(0.6, centre());
element("out").onclick = () => zoom(1 / 0.6, centre());
element("whole").onclick = showAll;
element("next").onclick = () => nextTrouble(1);
element("back").onclick = () => nextTrouble(-1);
element("waker").onclick = toWaker;
element("troubles").onchange = (event) => goTo(event.target.selectedIndex);
element("steps").onchange = (event) => useSteps(event.target.checked);
element("long").onchange = (event) => {
  long = Number(event.target.value);
  findTroubles();
  filter();
  tell();
};
element("filter").oninput = filter;
element("controls").onsubmit = (event) => event.preventDefault();

function takeColours() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["ground", "stripe", "ink", "faint", "line", "turn", "long", "ready", "starved", "waits", "lost", "arrow", "focus", "parked"]) {
    colours[name] = style.getPropertyValue(`--${name}`).trim();
  }
  const tile = new OffscreenCanvas(8, 8);
  const brush = tile.getContext("2d");
  brush.strokeStyle = colours.starved;
  brush.lineWidth = 2;
  for (const shift of [-8, 0, 8]) {
    brush.moveTo(shift, 8);
    brush.lineTo(shift + 8, 0);
  }
  brush.stroke();
  colours.hatch = context.createPattern(tile, "repeat");
  redraw();
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", takeColours);
for (const [name, isPrint] of [["beforeprint", true], ["afterprint", false]]) {
  addEventListener(name, () => {
    document.documentElement.classList.toggle("print", isPrint);
    takeColours();
    draw();
  });
}

new ResizeObserver(() => {
  const ratio = devicePixelRatio;
  size.width = canvas.clientWidth;
  size.height = canvas.clientHeight;
  size.gutter = Math.min(220, size.width / 4);
  canvas.width = Math.round(size.width * ratio);
  canvas.height = Math.round(size.height * ratio);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  move(0, 0);
  draw();
}).observe(canvas);

canvas.style.maxHeight = `${HEAD + (lanes.length + 1) * ROW}px`; // so that the words are near
takeColours();
findTroubles();
filter();
element("steps").checked = view.bySteps;
showAll();
tell();
