// The page of a trace: data.js has what was recorded and what is in view, findings.js what is wrong and its words, draw.js draws,
// act.js does what the reader asks for. It draws on a canvas, and only what is in view, which is found by binary search. Nothing
// moves by itself.
"use strict";

// ---- What was recorded -------------------------------------------------------------------------------------------------

const trace = JSON.parse(document.getElementById("trace").textContent);
const COLUMNS = 7; // numbers of a turn

/// The turns of a lane, as columns: when it began and ended, its step, since when its task was ready (NaN: not known),
/// the step of that, what woke it (a lane, or negative: a place in `trace.causes`), and in which turn of that lane or, if no lane
/// woke it, the step of the longest turn that the look which found it was behind (-1: not known, or none).
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
/// The lane and the place there of the turn of each step, in whose order turns end. Steps without one are waits of the thread, and
/// jobs: these end in any order.
const laneOfStep = new Int32Array(trace.to[1] + 1).fill(-1);
const turnOfStep = new Int32Array(trace.to[1] + 1);
lanes.forEach((lane, index) => {
  for (let turn = 0; turn < lane.count && !lane.job; turn++) {
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
let long = 1e7; // ns: a turn from here on is long, and a task that is ready for so long is starved
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
const lengthOf = ([lane, turn]) => lanes[lane].end[turn] - lanes[lane].begin[turn];
const goesOn = ([lane, turn]) => lanes[lane].going && turn === lanes[lane].count - 1;

/// The long turn of another task within which the task of a lane may have become ready, as [lane, turn]: it was woken there, and
/// the time of a wake is the end of its turn; or a look found it behind that turn.
function readyWithin(index, by, from) {
  if (!(from >= 0)) return null;
  const it = by >= 0 ? [by, from] : [laneOfStep[from], turnOfStep[from]];
  return it[0] !== index && lengthOf(it) >= long ? it : null;
}
const turnWithin = (index, turn) => readyWithin(index, lanes[index].by[turn], lanes[index].from[turn]);
const laneWithin = (index) => readyWithin(index, ...(lanes[index].ready ?? []).slice(2));

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
