
// ---- What is wrong -----------------------------------------------------------------------------------------------------

let longTurns = []; // as [lane, turn], in their order
let going = null; // the last of them, if it had not ended when the trace was taken
let troubles = [];
let current = -1; // the trouble that is selected
let weights = []; // of each lane: how bad is what is wrong in it; the cause before the tasks that starve by it
const CAUSE = 1e18; // ns: more than any task starves
const MOST_LISTED = 100;

const stepOf = ([lane, turn]) => lanes[lane].step[turn];

/// How a task became ready for a turn; or, for no turn, for the one that it has not had. Null if that is not shown, or it is not.
function wakeOf({ lane: index, turn }) {
  const lane = lanes[index];
  if (turn >= 0 && turn < lane.count) {
    const [at, step, by, from] = [lane.woken[turn], lane.wokenStep[turn], lane.by[turn], lane.from[turn]];
    return Number.isNaN(at) ? null : { at, step, by, from, until: lane.begin[turn], untilStep: lane.step[turn] };
  }
  if (!lane.ready) return null;
  const [at, step, by, from] = lane.ready;
  return { at, step, by, from, until: trace.to[0], untilStep: trace.to[1] };
}

/// The longest of the long turns that others have while a task is ready. Null if there is none.
function behind(wake) {
  let found = null;
  for (let at = first(longTurns.length, (at) => stepOf(longTurns[at]) >= wake.step); at < longTurns.length; at++) {
    if (stepOf(longTurns[at]) >= wake.untilStep) break;
    if (!found || lengthOf(longTurns[at]) > lengthOf(found)) found = longTurns[at];
  }
  return found;
}

/// How many turns others have while a task is ready.
const turnsMeanwhile = (wake) => laneOfStep.subarray(wake.step, wake.untilStep).filter((lane) => lane >= 0).length;

/// The lanes of the tasks that are ready while another has this turn, and of those that the look behind it finds ready.
function waiters([by, turn]) {
  const step = lanes[by].step[turn];
  const [waiting, found] = [[], []];
  lanes.forEach((lane, index) => {
    if (index === by || lane.job) return;
    const wake = wakeOf({ lane: index, turn: first(lane.count, (turn) => lane.step[turn] > step) });
    if (wake && (wake.step <= step || (wake.by === by && wake.from === turn))) waiting.push(index);
    else if (wake && wake.by < 0 && wake.from === step) found.push(index);
  });
  return [waiting, found];
}

/// Long turns, starved and lost tasks, in the order of time, the cause first. Of those that are alike the first is kept, and the
/// lanes of all: tasks that starve behind the same long turn, and lost tasks that were spawned at the same place.
function findTroubles() {
  longTurns = [];
  laneOfStep.forEach((lane, step) => {
    const it = [lane, turnOfStep[step]];
    if (lane >= 0 && lengthOf(it) >= long) longTurns.push(it);
  });
  going = longTurns.findLast(goesOn) ?? null;
  troubles = [];
  weights = new Float64Array(lanes.length);
  const alike = new Map();
  const add = (trouble, key, weight) => {
    weights[trouble.lane] = Math.max(weights[trouble.lane], weight);
    const same = alike.get(key);
    if (same) {
      same.all.push(trouble.lane);
      same.most = Math.max(same.most, trouble.most);
      return;
    }
    const when = trouble.behind ? lanes[trouble.behind[0]].begin[trouble.behind[1]] : trouble.at;
    troubles.push({ ...trouble, all: [trouble.lane], when });
    if (key) alike.set(key, troubles.at(-1));
  };
  const addWait = (it, within) => {
    const wake = wakeOf(it);
    if (!wake) return;
    const most = wake.until - wake.at;
    const by = most >= long ? behind(wake) : within;
    if (most >= long) add({ ...it, kind: "starved", at: wake.at, most, behind: by }, by && `behind ${by}`, most);
    else if (within) {
      const kind = wake.by >= 0 ? "within" : "found";
      add({ ...it, kind, at: wake.at, most, behind: by }, `${kind} ${by}`, lengthOf(by));
    }
  };
  lanes.forEach((lane, index) => {
    if (lane.job) return; // it may take its time
    for (let turn = 0; turn < lane.count; turn++) {
      const it = { lane: index, turn };
      const took = lengthOf([index, turn]);
      if (took >= long) add({ ...it, kind: "long", at: lane.begin[turn], most: took }, null, CAUSE + took);
      addWait(it, turnWithin(index, turn));
    }
    addWait({ lane: index, turn: -1 }, laneWithin(index));
    if (isLost(lane)) add({ lane: index, turn: -1, kind: "lost", at: lane.ended[0], most: 0 }, `lost ${lane.site}`, 1);
  });
  troubles.sort((one, other) => one.when - other.when || (other.kind === "long") - (one.kind === "long"));
  current = -1;
  listTroubles();
}

function listTroubles() {
  const [found, tasks] = [troubles.length, lanes.filter((lane) => !lane.job).length];
  const dropped = trace.dropped ? `, after ${trace.dropped.toLocaleString()} older ones that were dropped` : "";
  element("summary").textContent =
    `${counted(trace.events, "event")}${dropped}; ${counted(tasks, "task")}; ${time(trace.to[0])}${trace.virtual ? " by a virtual clock" : ""}; ` +
    (found ? `${found.toLocaleString()} to look at:` : "no long turn, no task starved or lost");
  element("next").disabled = element("back").disabled = !found;
  const exact = Math.max(trace.to[0] / 1000, 1);
  const list = element("troubles");
  list.hidden = !found;
  list.size = Math.min(Math.max(found, 2), 5);
  list.replaceChildren(...troubles.slice(0, MOST_LISTED).map((trouble) => new Option(`${since(trouble.at, exact)}: ${sentence(trouble)}`)));
  if (found > MOST_LISTED) list.append(new Option(`and ${(found - MOST_LISTED).toLocaleString()} more: N goes on to them`));
  list.options[MOST_LISTED]?.setAttribute("disabled", "");
}

// ---- Words -------------------------------------------------------------------------------------------------------------

const counted = (count, thing) => `${count.toLocaleString()} ${thing}${count === 1 ? "" : "s"}`;
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

const cause = (by) => (by >= 0 ? lanes[by].title : trace.causes[-1 - by]);
const lengthAsTold = (it) => `${time(lengthOf(it))}${goesOn(it) ? " so far" : ""}`;
const turnOf = (it) => `the turn of ${lengthAsTold(it)} of ${lanes[it[0]].title}`;
function behindWhat(wake, by) {
  if (by) return `behind ${turnOf(by)}`;
  const turns = turnsMeanwhile(wake);
  return turns ? `behind ${counted(turns, "turn")}, ${turns === 1 ? "not a long one" : "none of them long"}` : "while no task had a turn";
}

const NAMED = 3; // of tasks of which the same is true

/// "#1, #2, #3 and 4 more".
function named(all) {
  const names = all.slice(0, NAMED).map((index) => lanes[index].title);
  if (all.length > NAMED) names.push(`${(all.length - NAMED).toLocaleString()} more`);
  return names.length > 1 ? `${names.slice(0, -1).join(", ")} and ${names.at(-1)}` : names[0];
}

function sentence({ lane, turn, kind, most, all, behind: by }) {
  const [whose, more] = [named(all), all.length > 1];
  const isGoing = kind !== "long" && by && goesOn(by);
  const were = isGoing ? (more ? "have been" : "has been") : more ? "were" : "was";
  if (kind === "long") {
    const had = goesOn([lane, turn]) ? `has had its turn for ${time(most)}, and goes on` : `had a turn of ${time(most)}`;
    return `${whose} ${had}${waited([lane, turn])}`;
  }
  if (kind === "lost") return `${whose} ${were} lost: not done when the runtime ended`;
  if (kind === "within") return `${whose} ${were} ready since some time within ${turnOf(by)}`;
  if (kind === "found") return `${whose} ${were} found ready by the look behind ${turnOf(by)}`;
  return `${whose} ${were} ready for ${more ? "up to " : ""}${time(most)}, ${behindWhat(wakeOf({ lane, turn }), by)}`;
}

function waited(it) {
  const [waiting, found] = waiters(it);
  const verb = !goesOn(it) ? "waited" : waiting.length === 1 ? "waits" : "wait";
  return (
    (waiting.length ? `; ${counted(waiting.length, "task")} ${verb} behind it: ${named(waiting)}` : "") +
    (found.length ? `; the look behind it found ${counted(found.length, "task")} ready: ${named(found)}` : "") +
    (goesOn(it) ? "; what is due since, the loop finds only at its next look" : "")
  );
}

/// What is known of a turn, or of a lane: the same for the mouse and for the keyboard.
function describe(it) {
  if (!it) return "Point at a turn, or select one by the arrow keys: what is known of it stands here.";
  const lane = lanes[it.lane];
  const hasTurn = it.turn >= 0 && it.turn < lane.count;
  if (lane.job) {
    const jobs = `${counted(lane.count, "blocking job")} shown, spawned at ${lane.site}`;
    return hasTurn ? `${lane.title}: ${time(lengthOf([it.lane, it.turn]))} from ${since(lane.begin[it.turn])} on\n\n${jobs}` : `${lane.title}\n${jobs}`;
  }
  const about = aboutTask(lane);
  const wake = wakeOf(it);
  if (!hasTurn) return `${lane.title}${wake ? `\n${aboutWait(wake, laneWithin(it.lane))}, and no turn since` : ""}\n${about}`;
  const took = lengthOf([it.lane, it.turn]);
  const going = goesOn([it.lane, it.turn]) ? ", and goes on" : "";
  const isLong = took >= long ? `: a LONG turn${waited([it.lane, it.turn])}` : "";
  const woken = wake ? aboutWait(wake, turnWithin(it.lane, it.turn)) : "what woke it is not shown";
  return `${lane.title}: turn ${(it.turn + 1).toLocaleString()}, ${time(took)} from ${since(lane.begin[it.turn])} on${going}${isLong}\n${woken}\n${about}`;
}

function aboutTask(lane) {
  const spawned = lane.spawned ? `at ${since(lane.spawned[0])} by ${cause(lane.spawned[2])}` : "before the first event";
  const site = lane.site ?? "a place that is not known";
  const where = lane.root ? `called at ${site}` : `spawned ${spawned}: ${site}`;
  const ended = lane.ended ? `${isLost(lane) ? "LOST" : "done"} at ${since(lane.ended[0])}` : "not ended";
  const stalls = lane.stalls.length ? `; the watchdog reported it: ${counted(lane.stalls.length / 3, "time")}` : "";
  return `${where}; ${counted(lane.count, "turn")} shown; ${ended}${stalls}`;
}

function aboutWait(wake, within) {
  const delay = wake.until - wake.at;
  const since = wake.by >= 0 ? "since some time within" : "the look found it behind";
  const longer = within ? ` or STARVED longer: ${since} ${turnOf(within)}` : "";
  const ready = delay >= long ? `STARVED: ready for ${time(delay)}, ${behindWhat(wake, behind(wake))}` : `ready for ${time(delay)} before`;
  return `${ready}${longer}; woken by ${cause(wake.by)}`;
}

function tell() {
  const text = describe(hovered ?? selected);
  const details = element("details");
  if (details.textContent !== text) details.textContent = text;
}
