// The page of a trace. It draws on a canvas, and only what is in view; what is in view is found by binary search.
"use strict";

// ---- What was recorded -------------------------------------------------------------------------------------------------

const trace = JSON.parse(document.getElementById("trace").textContent);
const CAUSES = ["a timer", "a source", "another thread", "code outside of all turns", "a task whose turn is no longer shown"];
const COLUMNS = 7; // numbers of a turn

/// The turns of a lane, as columns: when it began and ended, its step, since when its task was ready (NaN: not known),
/// the step of that, what woke it (a lane, or negative: a cause), and in which turn of that lane (-1: not known).
function columns(flat) {
  const count = flat.length / COLUMNS;
  const lane = { count };
  ["begin", "end", "step", "woken", "wokenStep", "by", "from"].forEach((name, column) => {
    const numbers = (lane[name] = new Float64Array(count));
    for (let turn = 0; turn < count; turn++) numbers[turn] = flat[turn * COLUMNS + column] ?? NaN;
  });
  return lane;
}

const lanes = trace.lanes.map((lane) => ({ ...lane, ...columns(lane.turns) }));
/// The lane and the place there of the turn of each step. Steps without one are waits of the thread.
const laneOfStep = new Int32Array(trace.to[1] + 1).fill(-1);
const turnOfStep = new Int32Array(trace.to[1] + 1);
lanes.forEach((lane, index) => {
  for (let turn = 0; turn < lane.count; turn++) {
    laneOfStep[lane.step[turn]] = index;
    turnOfStep[lane.step[turn]] = turn;
  }
});

// ---- What is shown -----------------------------------------------------------------------------------------------------

const ROW = 22;
const HEAD = 24; // the scale above the lanes
const element = (id) => document.getElementById(id);
const canvas = element("chart");
const context = canvas.getContext("2d");
const view = { from: 0, to: 1, top: 0, bySteps: trace.virtual };
const size = { width: 0, height: 0, gutter: 0 };
let rows = lanes.map((_, index) => index); // the lanes that the filter leaves
let selected = null; // { lane, turn }; turn -1: the lane
let hovered = null;
let long = 1e7;
let troubles = [];
let lostAt = new Map(); // of each place, how many tasks spawned there were lost
let weights = []; // of each lane: how bad is what is wrong in it; the cause before the tasks that starve by it
const CAUSE = 1e18; // ns: more than any task starves
const visited = []; // where Backspace goes
const colours = {};

const place = (at, step) => (view.bySteps ? step : at);
const whole = () => ({ from: 0, to: Math.max(view.bySteps ? trace.to[1] : trace.to[0], 1) });
const x = (value) => size.gutter + ((value - view.from) / (view.to - view.from)) * (size.width - size.gutter);
const value = (x) => view.from + ((x - size.gutter) / (size.width - size.gutter)) * (view.to - view.from);
const begin = (lane, turn) => (view.bySteps ? lane.step[turn] : lane.begin[turn]);
const end = (lane, turn) => (view.bySteps ? lane.step[turn] + 1 : lane.end[turn]);
const ready = (lane, turn) => (view.bySteps ? lane.wokenStep[turn] : lane.woken[turn]);
const delay = (lane, turn) => lane.begin[turn] - lane.woken[turn];
const isLost = (lane) => lane.ended?.[2] === "lost";

/// The long turn of another task in which the task of a lane was woken, as [lane, turn]. The time of a wake is the end of its
/// turn: so the task has been ready since some time within it.
function readyWithin(index, woken, by, from) {
  if (!(by >= 0) || by === index || from < 0) return null;
  return woken - lanes[by].begin[from] >= long ? [by, from] : null;
}
const turnWithin = (index, turn) => readyWithin(index, lanes[index].woken[turn], lanes[index].by[turn], lanes[index].from[turn]);
function laneWithin(index) {
  const [woken, , by, from] = lanes[index].ready ?? [];
  return lanes[index].ready ? readyWithin(index, woken, by, from) : null;
}

/// The first of `count` places at which `holds`; it holds from there on.
function first(count, holds) {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/// Long turns, starved and lost tasks, in the order of time. Alike, so only the first is kept: lost tasks that were spawned at the
/// same place, and tasks that became ready within the same long turn.
function findTroubles() {
  troubles = [];
  lostAt = new Map();
  weights = new Float64Array(lanes.length);
  const turnsWithin = new Set();
  const isNew = (within) => !turnsWithin.has(`${within}`) && turnsWithin.add(`${within}`);
  const length = ([by, from]) => lanes[by].end[from] - lanes[by].begin[from];
  lanes.forEach((lane, index) => {
    if (lane.job) return; // it may take its time
    const weigh = (weight) => (weights[index] = Math.max(weights[index], weight));
    for (let turn = 0; turn < lane.count; turn++) {
      const took = lane.end[turn] - lane.begin[turn];
      const isBad = took >= long || delay(lane, turn) >= long;
      const within = turnWithin(index, turn);
      if (isBad) weigh(took >= long ? CAUSE + took : delay(lane, turn));
      if (within) weigh(length(within));
      if (isBad || (within && isNew(within))) troubles.push({ lane: index, turn, at: lane.step[turn] });
    }
    const waits = lane.ready ? trace.to[0] - lane.ready[0] : 0;
    const within = laneWithin(index);
    if (waits >= long) weigh(waits);
    if (within) weigh(length(within));
    if (isLost(lane)) weigh(1);
    const isFirst = isLost(lane) && !lostAt.has(lane.site);
    if (isLost(lane)) lostAt.set(lane.site, (lostAt.get(lane.site) ?? 0) + 1);
    if (waits >= long || isFirst || (within && isNew(within))) troubles.push({ lane: index, turn: -1, at: trace.to[1] });
  });
  troubles.sort((one, other) => one.at - other.at);
  const found = troubles.length;
  const dropped = trace.dropped ? `, after ${trace.dropped.toLocaleString()} older ones that were dropped` : "";
  element("summary").textContent =
    `${trace.events.toLocaleString()} events${dropped}; ${lanes.filter((lane) => !lane.job).length.toLocaleString()} tasks; ` +
    `${time(trace.to[0])}${trace.virtual ? " by a virtual clock" : ""}; ` +
    (found ? `${found.toLocaleString()} to look at: long turns, starved or lost tasks` : "no long turn, no task starved or lost");
  element("next").disabled = !found;
}

const UNITS = [["ns", 1], ["µs", 1e3], ["ms", 1e6], ["s", 1e9]];
const unitOf = (nanos) => UNITS.findLast(([, ns]) => Math.abs(nanos) >= ns) ?? UNITS[0];

function time(nanos) {
  const [unit, ns] = unitOf(nanos);
  return `${Number((nanos / ns).toPrecision(4))} ${unit}`;
}

/// A time since the runtime was built, as `Event::at` is, of one since the first event; to `exact` ns.
function since(at, exact = 100) {
  const nanos = at + trace.from;
  const [unit, ns] = unitOf(nanos);
  return `${Number((nanos / ns).toFixed(Math.max(0, Math.ceil(Math.log10(ns / exact)))))} ${unit}`;
}

// ---- Drawing -----------------------------------------------------------------------------------------------------------

let isDue = false;
function redraw() {
  if (!isDue) requestAnimationFrame(draw);
  isDue = true;
}

function draw() {
  isDue = false;
  const { width, height, gutter } = size;
  context.fillStyle = colours.ground;
  context.fillRect(0, 0, width, height);
  const firstRow = Math.max(0, Math.floor(view.top / ROW));
  const lastRow = Math.min(rows.length, Math.ceil((view.top + height - HEAD) / ROW));
  context.save();
  context.beginPath();
  context.rect(gutter, HEAD, width - gutter, height - HEAD);
  context.clip();
  drawParks();
  for (let row = firstRow; row < lastRow; row++) drawLane(rows[row], HEAD + row * ROW - view.top);
  drawArrows();
  context.restore();
  drawScale();
  for (let row = firstRow; row < lastRow; row++) drawTitle(rows[row], HEAD + row * ROW - view.top);
  const more = rows.length * ROW - (height - HEAD);
  if (more > 0) {
    const bar = Math.max(20, ((height - HEAD) * (height - HEAD)) / (rows.length * ROW));
    context.fillStyle = colours.waits;
    context.fillRect(width - 5, HEAD + (view.top / more) * (height - HEAD - bar), 4, bar);
  }
}

function drawParks() {
  context.fillStyle = colours.parked;
  const parks = trace.parks; // from, its step, to, its step
  const from = (park) => place(parks[4 * park], parks[4 * park + 1]);
  const to = (park) => place(parks[4 * park + 2], parks[4 * park + 3]);
  const count = parks.length / 4;
  let park = first(count, (park) => to(park) >= view.from);
  while (park < count && from(park) <= view.to) {
    const left = x(from(park));
    const right = Math.max(x(to(park)), left + 1);
    context.fillRect(left, HEAD, right - left, size.height);
    const next = value(right);
    park = Math.max(park + 1, first(count, (park) => to(park) > next));
  }
}

function drawLane(index, top) {
  const lane = lanes[index];
  const middle = Math.round(top + ROW / 2);
  const until = lane.ended ? place(...lane.ended) : whole().to;
  const left = Math.max(x(lane.spawned ? place(...lane.spawned) : 0), size.gutter);
  const right = Math.min(x(until), size.width);
  if (right >= left && !lane.job) {
    context.fillStyle = colours.waits;
    context.fillRect(left, middle, Math.max(right - left, 1), 1);
  }
  // Bars that would touch are drawn as one.
  let bar = null;
  const flush = () => {
    if (!bar) return;
    context.fillStyle = bar.colour;
    context.fillRect(bar.left, top + 4, Math.max(bar.right - bar.left, 1), ROW - 8);
  };
  let turn = first(lane.count, (turn) => end(lane, turn) >= view.from);
  while (turn < lane.count) {
    const within = turnWithin(index, turn);
    const shown = within ? begin(lanes[within[0]], within[1]) : ready(lane, turn) || Infinity;
    if (Math.min(begin(lane, turn), shown) > view.to) break;
    if (within) maybe(within, middle);
    const from = x(begin(lane, turn));
    const to = Math.max(x(end(lane, turn)), from + 1);
    drawReady(lane, turn, from, middle);
    const isWide = to - from >= 4;
    const colour = !lane.job && lane.end[turn] - lane.begin[turn] >= long ? colours.long : colours.turn;
    if (bar && bar.colour === colour && from - bar.right < 1 && !isWide) {
      bar.right = Math.max(to, bar.right);
    } else {
      flush();
      bar = { left: from, right: isWide && to - from > 5 ? to - 1 : to, colour };
    }
    const next = value(to);
    turn = isWide ? turn + 1 : Math.max(turn + 1, first(lane.count, (turn) => end(lane, turn) > next));
  }
  flush();
  if (lane.ready) {
    const within = laneWithin(index);
    if (within) maybe(within, middle);
    const from = place(...lane.ready);
    if (from <= view.to) bars(x(from), x(whole().to), middle, trace.to[0] - lane.ready[0] >= long);
  }
  if (isLost(lane)) mark(x(until), middle);
}

function drawReady(lane, turn, until, middle) {
  if (Number.isNaN(lane.woken[turn])) return;
  const from = x(ready(lane, turn));
  const isStarved = delay(lane, turn) >= long;
  if (until - from >= 1 || isStarved) bars(from, until, middle, isStarved);
}

/// A thin bar where a task is ready; hatched and high where it is so for long.
function bars(from, to, middle, isStarved) {
  const left = Math.max(from, size.gutter - 10);
  const right = Math.min(Math.max(to, from + 2), size.width + 10);
  if (right <= left) return;
  if (!isStarved) {
    context.fillStyle = colours.ready;
    context.fillRect(left, middle - 2, right - left, 4);
    return;
  }
  context.fillStyle = colours.hatch;
  context.fillRect(left, middle - 6, right - left, 12);
  context.strokeStyle = colours.starved;
  context.lineWidth = 1;
  context.strokeRect(left, middle - 6, right - left, 12);
}

/// A dashed line through the turn within which a task became ready.
function maybe([by, from], middle) {
  const left = Math.max(x(begin(lanes[by], from)), size.gutter);
  const right = Math.min(x(end(lanes[by], from)), size.width);
  context.fillStyle = colours.starved;
  for (let dash = left; dash < right; dash += 10) context.fillRect(dash, middle - 1, Math.min(5, right - dash), 3);
}

/// The cross of a lost task.
function mark(x, middle) {
  context.strokeStyle = colours.lost;
  context.lineWidth = 2.5;
  context.beginPath();
  context.moveTo(x - 6, middle - 5);
  context.lineTo(x + 4, middle + 5);
  context.moveTo(x + 4, middle - 5);
  context.lineTo(x - 6, middle + 5);
  context.stroke();
}

const MOST_ARROWS = 1500;

/// From the turn that woke a task to the turn that it got. Those of all turns in view, if they are not too many; else of the
/// turns that the reader looks at.
function drawArrows() {
  const from = stepAt(view.from);
  const to = stepAt(view.to);
  context.strokeStyle = colours.arrow;
  context.fillStyle = colours.arrow;
  context.lineWidth = 1;
  if (to - from <= MOST_ARROWS) {
    context.globalAlpha = to - from <= 200 ? 0.7 : 0.3;
    context.beginPath();
    for (let step = from; step <= to; step++) arrow(laneOfStep[step], turnOfStep[step], to - from <= 200);
    context.stroke();
    context.globalAlpha = 1;
  }
  for (const it of [hovered, selected]) {
    if (!it || it.turn < 0 || it.turn >= lanes[it.lane].count) continue;
    context.lineWidth = 2;
    context.beginPath();
    arrow(it.lane, it.turn, true);
    context.stroke();
    const row = rowOf[it.lane];
    if (row < 0) continue;
    const lane = lanes[it.lane];
    const left = x(begin(lane, it.turn));
    context.strokeStyle = it === selected ? colours.focus : colours.ink;
    context.strokeRect(left - 2, HEAD + row * ROW - view.top + 2, Math.max(x(end(lane, it.turn)) - left, 1) + 4, ROW - 4);
    context.strokeStyle = colours.arrow;
  }
}

function arrow(index, turn, hasHead) {
  const lane = lanes[index];
  const by = lane?.by[turn];
  if (!(by >= 0) || by === index || lane.from[turn] < 0 || rowOf[index] < 0 || rowOf[by] < 0) return;
  const y = (index) => HEAD + rowOf[index] * ROW - view.top + ROW / 2;
  const [x1, y1] = [x(end(lanes[by], lane.from[turn])), y(by)];
  const [x2, y2] = [x(begin(lane, turn)), y(index)];
  if (Math.max(y1, y2) < HEAD || Math.min(y1, y2) > size.height) return;
  const down = y2 > y1 ? 1 : -1;
  const tip = y2 - down * (ROW / 2 - 4);
  context.moveTo(x1, y1);
  context.bezierCurveTo(x1 + 8, (y1 + tip) / 2, x2 - 8, (y1 + tip) / 2, x2 + 1, tip);
  if (hasHead) {
    context.moveTo(x2 - 3, tip - 5 * down);
    context.lineTo(x2 + 1, tip);
    context.lineTo(x2 + 4, tip - 5 * down);
  }
}

/// The step at a value of the axis.
function stepAt(value) {
  const last = trace.to[1];
  if (view.bySteps) return Math.min(Math.max(Math.floor(value), 0), last);
  const ends = (step) => {
    const lane = lanes[laneOfStep[step]];
    return lane ? lane.end[turnOfStep[step]] >= value : false;
  };
  // Waits of the thread have no turn: the search goes by the next step that has one.
  return Math.min(first(last, (step) => {
    while (step < last && laneOfStep[step] < 0) step++;
    return step >= last || ends(step);
  }), last);
}

function drawScale() {
  const { width, height, gutter } = size;
  context.fillStyle = colours.ground;
  context.fillRect(0, 0, width, HEAD);
  context.fillRect(0, 0, gutter, height);
  context.fillStyle = colours.faint;
  context.font = "12px system-ui, sans-serif";
  context.textBaseline = "middle";
  const span = view.to - view.from;
  const least = (span * 110) / Math.max(width - gutter, 1);
  const power = 10 ** Math.floor(Math.log10(least));
  let tick = [1, 2, 5, 10].map((digit) => digit * power).find((tick) => tick >= least);
  if (view.bySteps) tick = Math.max(1, Math.round(tick));
  const zero = view.bySteps ? 0 : -trace.from;
  for (let at = Math.ceil((view.from - zero) / tick) * tick + zero; at <= view.to; at += tick) {
    context.fillRect(x(at), HEAD - 5, 1, 5);
    context.fillText(view.bySteps ? `step ${Math.round(at)}` : since(at, tick / 10), x(at) + 3, HEAD / 2 - 2);
  }
  context.fillRect(gutter, HEAD - 1, width, 1);
  context.fillText("task", 6, HEAD / 2);
}

function drawTitle(index, top) {
  const lane = lanes[index];
  const isSelected = selected?.lane === index;
  context.save();
  context.beginPath();
  context.rect(0, HEAD, size.gutter - 4, size.height);
  context.clip();
  context.fillStyle = isSelected ? colours.focus : isLost(lane) ? colours.lost : colours.ink;
  context.font = `${isSelected ? "bold " : ""}13px system-ui, sans-serif`;
  context.fillText(lane.title + (isLost(lane) ? " × lost" : ""), 6, top + ROW / 2);
  context.restore();
}

// ---- Words -------------------------------------------------------------------------------------------------------------

const orLonger = (within) =>
  within ? ` or STARVED longer: since some time within that turn of ${time(lanes[within[0]].end[within[1]] - lanes[within[0]].begin[within[1]])}` : "";
const cause = (by) => (by >= 0 ? lanes[by].title : CAUSES[-1 - by]);

function describe(it) {
  if (!it) return "";
  const lane = lanes[it.lane];
  if (lane.job) {
    const jobs = `${lane.count.toLocaleString()} blocking jobs shown, spawned at ${lane.site}`;
    if (it.turn < 0 || it.turn >= lane.count) return `${lane.title}\n${jobs}`;
    return `${lane.title}: ${time(lane.end[it.turn] - lane.begin[it.turn])} from ${since(lane.begin[it.turn])} on\n\n${jobs}`;
  }
  const spawned = lane.spawned ? `at ${since(lane.spawned[0])} by ${cause(lane.spawned[2])}` : "before the first event";
  const site = lane.site ?? "a place that is not known";
  const where = lane.root ? `called at ${site}` : `spawned ${spawned}: ${site}`;
  const alike = isLost(lane) && lostAt.get(lane.site) > 1 ? `, one of ${lostAt.get(lane.site)} from there` : "";
  const ended = lane.ended ? `${isLost(lane) ? "LOST" : "done"} at ${since(lane.ended[0])}${alike}` : "not ended";
  const stalls = lane.stalls.length ? `; the watchdog reported it ${lane.stalls.length / 3} times` : "";
  const about = `${where}; ${lane.count.toLocaleString()} turns shown; ${ended}${stalls}`;
  if (it.turn < 0 || it.turn >= lane.count) {
    const waits = lane.ready ? `\nready for ${time(trace.to[0] - lane.ready[0])}${orLonger(laneWithin(it.lane))}, woken by ${cause(lane.ready[2])}, and no turn since` : "";
    return `${lane.title}${waits}\n${about}`;
  }
  const took = lane.end[it.turn] - lane.begin[it.turn];
  const isLong = took >= long ? ": a LONG turn" : "";
  const starved = delay(lane, it.turn) >= long ? "STARVED: " : "";
  const longer = orLonger(turnWithin(it.lane, it.turn));
  const woken = Number.isNaN(lane.woken[it.turn])
    ? "what woke it is not shown"
    : `${starved}ready for ${time(delay(lane, it.turn))} before${longer}, woken by ${cause(lane.by[it.turn])}`;
  return `${lane.title}: turn ${(it.turn + 1).toLocaleString()}, ${time(took)} from ${since(lane.begin[it.turn])} on${isLong}\n${woken}\n${about}`;
}

function tell() {
  const text = describe(hovered ?? selected);
  const details = element("details");
  if (details.textContent !== text) details.textContent = text;
}

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
  if (!troubles.length) return;
  const here = troubles.findIndex((it) => it.lane === selected?.lane && it.turn === selected?.turn);
  const next = here < 0 ? (direction > 0 ? 0 : -1) : here + direction;
  const { lane, turn } = troubles.at(next % troubles.length);
  select(lane, turn);
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
  const woken = selected && lanes[selected.lane];
  const by = woken?.by[selected.turn];
  const from = woken?.from[selected.turn];
  if (!(by >= 0) || from < 0) return;
  visited.push([selected.lane, selected.turn]);
  select(by, from);
}

canvas.addEventListener("keydown", (event) => {
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

takeColours();
findTroubles();
filter();
element("steps").checked = view.bySteps;
showAll();
