//! Lesson 37: a task that is ready and has no turn. The timeline shows it, and what it waits behind.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::io;
use std::iter;
use std::rc::Rc;
use std::time::Duration;

use taketurns::insight::{Cause, Trace, What};
use taketurns::sync::{OwnedPermit, Semaphore, channel, oneshot};
use taketurns::time::{Clock, sleep};
use taketurns::{task, yield_now};

use crate::exercise::exercise;
use crate::lane::{lane, spawn_named};
use crate::lessons::{Lesson, Next};
use crate::stage::Stage;
use crate::timeline::{self, Recorded};
use crate::trace::say;
use crate::twin::script;

pub(crate) const LESSON: Lesson = Lesson {
    number: 37,
    slug: "timeline",
    title: "a task that is ready and has no turn",
    moral: "Read in a timeline which task waits behind which.",
    source: include_str!("timeline.rs"),
    next: Next {
        file: "insight/trace/lanes.rs",
        item: "fn paint",
        why: "from events to lanes: since when a task is ready, and what woke it",
    },
    exercise: exercise!("timeline"),
    twin: script!("37"),
    play,
};

const ROWS: usize = 8;

/// As wide as the page, without the margin of a quote.
const COLUMNS: usize = 76;

/// How many turns the rows have had.
#[derive(Clone, Default)]
struct Turns(Rc<Cell<usize>>);

impl Turns {
    fn count(&self) {
        self.0.set(self.0.get() + 1);
    }
}

async fn row(turns: Turns, permit: OwnedPermit) {
    for _ in 0..2 {
        turns.count();
        yield_now().await;
    }
    turns.count();
    drop(permit);
}

/// Imports the rows, each in a task of its own; so many at once.
async fn import(at_once: usize, turns: Turns) {
    let permits = Rc::new(Semaphore::new(at_once));
    sleep(Duration::from_secs(1)).await;
    say!("import begins");
    // [show
    // the import
    for number in 1..=ROWS {
        let permit = permits.acquire_owned().await.expect("it is open");
        let row = row(turns.clone(), permit);
        task::Builder::new().name(format!("row {number}")).spawn(row).detach();
    }
    // show]
    let _all = permits.acquire_many(at_once).await.expect("it is open");
    say!("import ends");
}

/// Asks `health` in the midst of the import. What the loop did, also as a chart.
fn asked_meanwhile(at_once: usize) -> io::Result<(Trace, String)> {
    // [show
    // its timeline
    let builder = timeline::builder().clock(Clock::AutoAdvance).trace(1000);
    // show]
    let (runtime, turns) = (Recorded::from(builder.build()?), Turns::default());
    runtime.block_on(lane("main", async {
        let (ask, asked) = channel::bounded::<oneshot::Sender<()>>(1);
        let counted = turns.clone();
        let health = spawn_named("health", async move {
            let answer = asked.recv().await.expect("the client asks");
            say!("health answers, after {} turns of rows", counted.0.get());
            answer.send(()).expect("the client waits");
        });
        let import = spawn_named("import", import(at_once, turns.clone()));
        let client = spawn_named("client", async move {
            sleep(Duration::from_secs(1)).await;
            say!("client asks");
            let (answer, answered) = oneshot::channel();
            ask.send(answer).await.expect("health waits");
            answered.await.expect("health answers");
            say!("client has its answer, after {} turns of rows", turns.0.get());
        });
        for task in [health, import, client] {
            task.await.expect("it does not panic");
        }
    }));
    let trace = runtime.trace().expect("the builder asked for one");
    // [show
    let chart = trace.to_text_within(COLUMNS);
    // show]
    Ok((trace, chart))
}

/// The longest time that the task was ready in, in turns: here each has one column of the chart.
fn ready(chart: &str, task: &str) -> usize {
    let line = chart.lines().find(|line| line.contains(task)).unwrap_or_default();
    let runs = line.split(|column| column != '░').map(|run| run.chars().count());
    runs.max().unwrap_or_default()
}

/// What woke `health` last, and whose turns came between that and its own.
fn before_health(trace: &Trace) -> Vec<&str> {
    let name = |task| trace.name(task).unwrap_or_default();
    let events: Vec<What> = trace.events().iter().map(|event| event.what).collect();
    let wakes_it =
        |what: &What| matches!(*what, What::Woken { task, .. } if name(task) == "health");
    let wake = events.iter().rposition(wakes_it).unwrap_or_default();
    let by = match events[wake] {
        What::Woken { by: Cause::Task(by), .. } => name(by),
        _ => "no task",
    };
    let begun = events[wake..].iter().filter_map(|what| match *what {
        What::TurnBegan { task } => Some(name(task)),
        _ => None,
    });
    iter::once(by).chain(begun.take_while(|name| *name != "health")).collect()
}

fn play(stage: &mut Stage) -> io::Result<()> {
    let wrong = stage.scene("wrong way", "import all rows at once", || asked_meanwhile(ROWS))?;
    stage.quote(&wrong.value.1);
    let right = stage.scene("right way", "import two rows at a time", || asked_meanwhile(2))?;
    stage.quote(&right.value.1);
    stage.why(
        "No turn is long, and yet `health` answers late. Its line says why: it is woken in the turn of the client, \
         and from then on ready, but the rows are before it in the run queue. So is the client with its answer. \
         Where a line has dots, look for what the task awaits; where it is ready, look at the lines below \
         and above: there are the turns that it waits behind.",
    );
    stage.note(
        "By this clock turns take no time, and each has a column. By the real clock they are as wide as they are long, and a \
         task that was ready for 10 ms is named below the chart. `to_html` draws it as a page, with arrows from each turn \
         to those that it woke.",
    );
    stage.by_nature(
        "asyncio in its debug mode tells of long turns. Here is none, so it tells nothing; and it has no timeline.",
    );
    let ((wrong_trace, wrong_chart), (_, right_chart)) = (&wrong.value, &right.value);
    stage.check(
        "the chart shows `health` and the client ready for 8 turns each",
        wrong.count("health answers, after 8 turns of rows") == 1
            && ["#1 health", "#3 client"].iter().all(|task| ready(wrong_chart, task) == ROWS),
    );
    let rows = (1..=ROWS).map(|number| format!("row {number}"));
    let expected: Vec<String> = iter::once("client".to_owned()).chain(rows).collect();
    stage.check(
        "the trace says that the client woke it, and that the turns before its own were those of the 8 rows",
        before_health(wrong_trace) == expected,
    );
    stage.check(
        "two rows at a time: for 2 turns",
        right.count("health answers, after 2 turns of rows") == 1
            && ["#1 health", "#3 client"].iter().all(|task| ready(right_chart, task) == 2),
    );
    let silent = ["nothing was told"];
    stage.check(
        "asyncio told nothing",
        wrong.asyncio_alone(&silent) && right.asyncio_alone(&silent),
    );
    Ok(())
}
