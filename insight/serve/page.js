"use strict";
// What comes from the program is put into the page as text, never as HTML: a name may be anything.

const EVERY = 1000;          // ms between two questions
const LOST = 5000;           // ms: an answer that takes longer does not come
const ROWS = 1000;           // tasks that are shown at a time
const at = (id) => document.getElementById(id);

let state = null;            // the last answer
let asked = 0;               // when it came
let before = null;           // the one before it, for rates
let chosen = null;           // the number of the loop that is shown
let isPaused = false;
let dumpPause = 0;           // no new dump before this time: one of very many tasks takes long
let tasks = [];              // of the chosen loop, as rows
let isAnswered = false;      // by the loop itself: it alone knows which of them have no waker
let current = null;          // the task that the keyboard is at
const folded = new Set();    // tasks whose awaited tasks are hidden

function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// Makes the children of a list these, each by `fill`. Elements stay where they are, so the focus and the scrolling do too.
function list(parent, name, items, fill) {
  while (parent.childElementCount > items.length) parent.lastElementChild.remove();
  while (parent.childElementCount < items.length) parent.append(document.createElement(name));
  items.forEach((item, index) => fill(parent.children[index], item, index));
}

async function ask(what) {
  const answer = await fetch(what, { signal: AbortSignal.timeout(LOST), cache: "no-store" });
  if (answer.status === 503) return null; // others ask for much: this is asked again
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  return answer.json();
}

async function step() {
  if (isPaused || document.hidden) return;
  try {
    const answer = await ask("state");
    if (isPaused) return;
    [before, state, asked] = [state && { at: asked, state }, answer, performance.now()];
    if (!state.loops.some((loop) => loop.number === chosen)) show(state.loops[0]?.number ?? null);
    at("state").dataset.is = "live";
    put(at("state"), "live");
    draw();
    if (chosen !== null && performance.now() >= dumpPause) {
      const start = performance.now();
      const number = chosen;
      const dump = await ask(`dump?loop=${number}`);
      if (isPaused || number !== chosen) return; // the reader has chosen another loop meanwhile
      dumpPause = performance.now() + 4 * (performance.now() - start);
      if (dump !== null) takeDump(dump.loops[0]);
    }
  } catch (error) {
    if (isPaused) return;
    at("state").dataset.is = "lost";
    put(at("state"), error.message.startsWith("403") ? "refused: the program was started again" : "no answer, trying again");
  }
}

async function run() {
  await step();
  setTimeout(run, EVERY);
}

const isStuck = (loop) => loop.stuck_ns !== null;
const ago = ({ ago_ns: ns, text }) => `${Math.floor(ns / 1e9)} s ago: ${text}`;
const withRemedy = ({ text, remedy }) => remedy === null ? text : `${text}; ${remedy}`;
const title = (loop) => loop.name === null ? `loop ${loop.number}` : `loop ${loop.number} “${loop.name}”`;

function draw() {
  document.title = `${state.program} ${state.pid}`;
  put(at("program"), `${state.program}, process ${state.pid}`);
  const stuck = state.loops.filter(isStuck);
  // Without the seconds: it is read aloud each time that it changes.
  put(at("alarm"), stuck.map((loop) => `${title(loop)} is stuck in ${loop.task === null ? "a look outside" : `the turn of ${loop.task}, ${loop.site}`}`).join("\n"));
  list(at("loops"), "button", state.loops, (tab, loop) => {
    const isChosen = loop.number === chosen;
    tab.type = "button";
    tab.id = `loop-${loop.number}`;
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-selected", isChosen);
    tab.setAttribute("aria-controls", "loop");
    tab.tabIndex = isChosen ? 0 : -1;
    tab.classList.toggle("stuck", isStuck(loop));
    put(tab, title(loop));
  });
  const loop = state.loops.find((loop) => loop.number === chosen);
  at("loop").hidden = loop === undefined;
  if (loop === undefined) return;
  at("loop").setAttribute("aria-labelledby", `loop-${loop.number}`);
  put(at("told"), loop.told);
  at("told").classList.toggle("stuck", isStuck(loop));
  at("trace").href = `trace?loop=${chosen}`;
  const { threshold_ns: threshold, count, longest_ns: longest, now, over } = loop.stalls;
  put(at("stalls-title"), `Stalls of ${time(threshold)} or more: ${count}${count > 0 ? `, of ${time(longest)} at most` : ""}`);
  list(at("stalls"), "li", [...(now === null ? [] : [`now: ${withRemedy(now)}`]), ...over.map(ago)], put);
  const { reported } = loop.deadlocks;
  put(at("deadlocks-title"), reported === null ? "Deadlocks are not reported: Builder::report_deadlocks" : `Deadlocks reported: ${loop.metrics.deadlocks}`);
  list(at("deadlocks"), "li", (reported ?? []).map(ago), put);
  drawMetrics(loop);
}

const time = (ns) => ns < 1e3 ? `${ns} ns` : ns < 1e6 ? `${(ns / 1e3).toFixed(1)} µs` : ns < 1e9 ? `${(ns / 1e6).toFixed(1)} ms` : `${(ns / 1e9).toFixed(2)} s`;

// Of a histogram: pairs of the longest time of a bucket, and how many are in it.
function quantiles(pairs) {
  const all = pairs.reduce((sum, [, count]) => sum + count, 0);
  const at = (part) => {
    let left = Math.ceil(all * part);
    for (const [ns, count] of pairs) if ((left -= count) <= 0) return time(ns);
    return "?";
  };
  return all === 0 ? "none yet" : `half within ${at(0.5)}, 99% within ${at(0.99)}, all ${all.toLocaleString("en")} within ${at(1)}`;
}

// { a: { b: 1 } } as [["a b", 1]]
function flat(value, path = []) {
  if (value === null || value === undefined) return [];
  if (Array.isArray(value)) return [[path.join(" "), quantiles(value)]];
  if (typeof value !== "object") return [[path.join(" "), value]];
  return Object.entries(value).flatMap(([key, inner]) => flat(inner, [...path, key]));
}

function drawMetrics(loop) {
  const old = before?.state.loops.find((other) => other.number === loop.number);
  const oldNumbers = new Map(flat(old?.metrics ?? {}));
  const seconds = before ? (asked - before.at) / 1000 : 0;
  const counters = /^(turns|looks|parks|spawned|away_wakes)$/;
  list(at("metrics").tBodies[0], "tr", flat(loop.metrics), (row, [key, value]) => {
    const isTime = key.endsWith("_ns");
    const name = key.replace(/_ns$/, "").replaceAll("_", " ");
    const text = typeof value !== "number" ? String(value) : isTime ? time(value) : value.toLocaleString("en");
    const was = oldNumbers.get(key);
    const isRate = counters.test(key) && seconds > 0 && typeof was === "number" && value >= was;
    const rate = isRate ? `${Math.round((value - was) / seconds).toLocaleString("en")}/s` : "";
    if (row.childElementCount === 0) {
      const head = document.createElement("th");
      head.scope = "row";
      row.append(head, document.createElement("td"), document.createElement("td"));
    }
    [name, text, rate].forEach((text, index) => put(row.children[index], text));
  });
}

// The tasks of a dump, each with the task that awaits it as `by`, in the order of the tree.
function takeDump(loop) {
  const dump = loop?.dump ?? { tasks: [] };
  isAnswered = dump.origin === "loop" || dump.origin === "ended";
  if (dump.origin === "pulse" && tasks.length > 0) return drawTasks("as they were: the loop gives no answer now");
  const found = dump.tasks;
  // A loop that is stuck has written down its tasks at best, but not which awaits which.
  const awaited = new Map(tasks.map((task) => [task.id, task.awaited_by]));
  if (dump.origin === "slab") for (const task of found) task.awaited_by ??= awaited.get(task.id) ?? null;
  const ids = new Set(found.map((task) => task.id));
  const below = new Map();
  for (const task of found) {
    const by = ids.has(task.awaited_by) && task.awaited_by !== task.id ? task.awaited_by : null;
    if (!below.has(by)) below.set(by, []);
    below.get(by).push(task);
  }
  const why = {
    loop: "",
    slab: "as the loop wrote them down last: it gives no answer now",
    pulse: "the loop gives no answer now, and writes none down: Builder::task_slab",
    ended: "the runtime has ended",
  }[dump.origin] ?? "";
  tasks = [];
  const seen = new Set();
  const enter = (start) => {
    const left = [[start, 1]]; // no recursion: the tree may be deep
    while (left.length > 0) {
      const [task, level] = left.pop();
      if (seen.has(task.id)) continue;
      seen.add(task.id);
      const inner = below.get(task.id) ?? [];
      tasks.push({ ...task, level, has: inner.length > 0 });
      for (const one of [...inner].reverse()) left.push([one, level + 1]);
    }
  };
  (below.get(null) ?? []).forEach(enter);
  found.forEach(enter); // those that await each other in a circle
  drawTasks(why);
}


function words(task) {
  const name = task.name ? ` “${task.name}”` : "";
  const more = [];
  more.push(task.polls === 1 ? "1 poll" : `${task.polls} polls`);
  if (task.woken_by) more.push(`woken by ${task.woken_by}`);
  for (const wait of task.waits ?? []) more.push(wait.text);
  return [[task.id === 0 ? "the future of block_on" : `task #${task.id}${name}`, "name"], [task.state, "is"], [task.site, "quiet"], [more.join("; "), "quiet"]];
}

function visible() {
  const wanted = at("filter").value.trim().toLowerCase();
  if (wanted !== "") return tasks.filter((task) => words(task).some(([text]) => text.toLowerCase().includes(wanted)));
  let hidden = Infinity;
  return tasks.filter((task) => {
    if (task.level > hidden) return false;
    hidden = folded.has(task.id) ? task.level : Infinity;
    return true;
  });
}

function drawTasks(why = "") {
  const dead = tasks.filter((task) => task.state === "stuck").map((task) => words(task).map(([text]) => text).join(", "));
  put(at("unwakeable-title"), `Tasks without a waker: ${isAnswered ? dead.length : "unknown"}`);
  list(at("unwakeable"), "li", isAnswered ? dead.slice(0, ROWS) : [], put);
  const all = visible();
  const rows = all.slice(0, ROWS);
  if (!rows.some((task) => task.id === current)) current = rows[0]?.id ?? null;
  const hadFocus = at("tasks").contains(document.activeElement);
  put(at("shown"), why || `${rows.length < tasks.length ? `${rows.length} of ` : ""}${tasks.length}`);
  list(at("tasks"), "li", rows, (row, task) => {
    row.setAttribute("role", "treeitem");
    row.setAttribute("aria-level", task.level);
    row.style.setProperty("--level", task.level);
    if (task.has) row.setAttribute("aria-expanded", !folded.has(task.id));
    else row.removeAttribute("aria-expanded");
    row.className = task.state;
    row.dataset.id = task.id;
    row.tabIndex = task.id === current ? 0 : -1;
    list(row, "span", words(task), (word, [text, kind]) => {
      word.className = kind;
      put(word, text);
    });
  });
  if (hadFocus) focusRow();
}

function focusRow() {
  [...at("tasks").children].find((row) => row.tabIndex === 0)?.focus();
}

function goTo(id) {
  current = id;
  drawTasks();
  focusRow();
}

at("tasks").addEventListener("click", (event) => {
  const row = event.target.closest("li");
  if (!row) return;
  const id = Number(row.dataset.id);
  if (row.hasAttribute("aria-expanded") && !folded.delete(id)) folded.add(id);
  goTo(id);
});

at("tasks").addEventListener("keydown", (event) => {
  const rows = visible().slice(0, ROWS);
  const index = rows.findIndex((task) => task.id === current);
  const task = rows[index];
  if (task === undefined) return;
  const isOpen = task.has && !folded.has(task.id);
  const above = rows.slice(0, index).reverse().find((other) => other.level < task.level);
  const go = {
    ArrowDown: () => rows[index + 1]?.id,
    ArrowUp: () => rows[index - 1]?.id,
    Home: () => rows[0].id,
    End: () => rows.at(-1).id,
    ArrowRight: () => {
      if (isOpen) return rows[index + 1]?.id;
      folded.delete(task.id);
      return task.id;
    },
    ArrowLeft: () => {
      if (!isOpen) return above?.id;
      folded.add(task.id);
      return task.id;
    },
  }[event.key];
  if (go === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  goTo(go() ?? task.id);
});

// Of another loop, whose tasks are asked for next.
function show(number) {
  chosen = number;
  tasks = [];
  isAnswered = false;
  dumpPause = 0;
  drawTasks("asking");
}

function choose(number) {
  show(number);
  draw();
  at(`loop-${chosen}`).focus();
  step();
}

at("loops").addEventListener("click", (event) => {
  const tab = event.target.closest("button");
  if (tab) choose(Number(tab.id.slice("loop-".length)));
});

at("loops").addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (step === undefined || state === null) return;
  const index = state.loops.findIndex((loop) => loop.number === chosen);
  const next = state.loops[(index + step + state.loops.length) % state.loops.length];
  event.preventDefault();
  choose(next.number);
});

at("filter").addEventListener("input", () => drawTasks());

at("pause").addEventListener("click", () => {
  isPaused = !isPaused;
  at("pause").setAttribute("aria-pressed", isPaused);
  if (isPaused) {
    at("state").dataset.is = "paused";
    put(at("state"), "paused");
  } else {
    step();
  }
});

setInterval(() => {
  if (state !== null) put(at("age"), `${Math.round((performance.now() - asked) / 1000)} s ago`);
}, EVERY);

run();
