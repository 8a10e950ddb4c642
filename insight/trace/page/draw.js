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
    if (bar.says) label(bar.says, bar.left, bar.right, middle);
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
      if (colour === colours.long) bar.says = `turn of ${lengthAsTold([index, turn])}`;
    }
    const next = value(to);
    turn = isWide ? turn + 1 : Math.max(turn + 1, first(lane.count, (turn) => end(lane, turn) > next));
  }
  flush();
  if (lane.ready) {
    const within = laneWithin(index);
    if (within) maybe(within, middle);
    const from = place(...lane.ready);
    if (from <= view.to) bars(x(from), x(whole().to), middle, trace.to[0] - lane.ready[0]);
  } else if (going && going[0] !== index && !lane.ended && !lane.job) {
    maybe(going, middle); // it is not known before the next look
  }
  if (isLost(lane)) mark(x(until), middle);
}

function drawReady(lane, turn, until, middle) {
  if (Number.isNaN(lane.woken[turn])) return;
  const from = x(ready(lane, turn));
  const ns = delay(lane, turn);
  if (until - from >= 1 || ns >= long) bars(from, until, middle, ns);
}

/// A thin bar where a task is ready; hatched and high where it is so for long.
function bars(from, to, middle, ns) {
  const left = Math.max(from, size.gutter - 10);
  const right = Math.min(Math.max(to, from + 2), size.width + 10);
  if (right <= left) return;
  if (ns < long) {
    context.fillStyle = colours.ready;
    context.fillRect(left, middle - 2, right - left, 4);
    return;
  }
  context.fillStyle = colours.hatch;
  context.fillRect(left, middle - 6, right - left, 12);
  context.strokeStyle = colours.starved;
  context.lineWidth = 1;
  context.strokeRect(left, middle - 6, right - left, 12);
  label(`ready for ${time(ns)}`, left, right, middle);
}

/// A text in what is in view of a bar, if it fits.
function label(text, left, right, middle) {
  left = Math.max(left, size.gutter);
  right = Math.min(right, size.width);
  if (right - left < 60) return;
  context.font = "11px system-ui, sans-serif";
  const width = context.measureText(text).width + 10;
  if (width > right - left) return;
  context.fillStyle = colours.ground;
  context.fillRect((left + right - width) / 2, middle - 7, width, 14);
  context.fillStyle = colours.ink;
  context.textBaseline = "middle";
  context.fillText(text, (left + right - width) / 2 + 5, middle + 1);
}

/// A dashed line through the turn within which a task may have become ready.
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
    frame([it.lane, it.turn], it === selected ? colours.focus : colours.ink);
    const wake = wakeOf(it);
    const by = wake && (wake.until - wake.at >= long ? behind(wake) : turnWithin(it.lane, it.turn));
    if (by) frame(by, colours.starved);
    context.strokeStyle = colours.arrow;
  }
}

/// A frame around a turn.
function frame([index, turn], colour) {
  if (rowOf[index] < 0) return;
  const left = x(begin(lanes[index], turn));
  context.strokeStyle = colour;
  context.strokeRect(left - 2, HEAD + rowOf[index] * ROW - view.top + 2, Math.max(x(end(lanes[index], turn)) - left, 1) + 4, ROW - 4);
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
  // Waits of the thread and jobs have no turn: the search goes by the next step that has one.
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
