//! The feature `tracing`: each task has a span, which surrounds its turns. What a subscriber is told, in exact order.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use taketurns::{Runtime, UnhandledPanic, spawn, task, yield_now};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::with_default;
use tracing::{Event, Level, Metadata, Span, Subscriber, info, info_span};
use tracing_core::span::Current;

/// Notes each call, and knows which spans are entered. It may be told to do something in a call.
#[derive(Clone, Default)]
struct Notes(Arc<Shared>);

#[derive(Default)]
struct Shared {
    told: Mutex<Vec<String>>,
    entered: Mutex<Vec<(Id, &'static Metadata<'static>)>>,
    spans: Mutex<Vec<(&'static Metadata<'static>, String, usize)>>,
    made: AtomicU64,
    level: Option<Level>,
    acts: Option<fn(&str)>,
}

impl Notes {
    fn up_to(level: Level) -> Self {
        Self(Arc::new(Shared { level: Some(level), ..Shared::default() }))
    }

    /// Calls `acts` with the first word of each note, after it was noted.
    fn that(acts: fn(&str)) -> Self {
        Self(Arc::new(Shared { acts: Some(acts), ..Shared::default() }))
    }

    fn note(&self, what: &str, of: &str) {
        self.0.told.lock().unwrap().push(format!("{what} {of}"));
        if let Some(acts) = self.0.acts {
            acts(what);
        }
    }

    fn name(&self, id: &Id) -> String {
        self.0.spans.lock().unwrap()[id.into_u64() as usize - 1].1.clone()
    }

    fn told(&self) -> Vec<String> {
        std::mem::take(&mut self.0.told.lock().unwrap())
    }

    /// Runs `program` with this as its subscriber, and returns what it was told.
    fn of(&self, program: impl FnOnce()) -> Vec<String> {
        with_default(self.clone(), program);
        self.told()
    }
}

/// The values of a span or an event, as text.
#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let separator = if self.0.is_empty() { "" } else { " " };
        match field.name() {
            "message" => self.0 += &format!("{separator}{value:?}"),
            "spawn.line" => assert!(format!("{value:?}").parse::<u32>().unwrap() > 0),
            name => self.0 += &format!("{separator}{name}={value:?}"),
        }
    }
}

impl Subscriber for Notes {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.0.level.is_none_or(|level| *metadata.level() <= level)
    }

    fn max_level_hint(&self) -> Option<tracing::level_filters::LevelFilter> {
        self.0.level.map(Into::into)
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut text = Text::default();
        span.record(&mut text);
        let id = self.0.made.fetch_add(1, Ordering::Relaxed) + 1;
        let name = match text.0.split_whitespace().next() {
            Some(field) => format!("{}{{{field}}}", span.metadata().name()),
            None => span.metadata().name().to_owned(),
        };
        self.0.spans.lock().unwrap().push((span.metadata(), name.clone(), 1));
        let parent = if span.is_root() { "" } else { ", nested" };
        self.note("opens", &format!("{}{{{}}}{parent}", span.metadata().name(), text.0));
        Id::from_u64(id)
    }

    fn record(&self, span: &Id, _: &Record<'_>) {
        self.note("records", &self.name(span));
    }

    fn record_follows_from(&self, span: &Id, follows: &Id) {
        self.note("follows", &format!("{} after {}", self.name(span), self.name(follows)));
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = Text::default();
        event.record(&mut text);
        let inside = self.0.entered.lock().unwrap().last().map(|(id, _)| id.clone());
        let inside = inside.map_or("no span".to_owned(), |id| self.name(&id));
        self.note("logs", &format!("{} in {inside}", text.0));
    }

    fn enter(&self, span: &Id) {
        let metadata = self.0.spans.lock().unwrap()[span.into_u64() as usize - 1].0;
        self.0.entered.lock().unwrap().push((span.clone(), metadata));
        self.note("enters", &self.name(span));
    }

    fn exit(&self, span: &Id) {
        let left = self.0.entered.lock().unwrap().pop();
        assert_eq!(left.as_ref().map(|(id, _)| id), Some(span), "the innermost span is left first");
        self.note("leaves", &self.name(span));
    }

    fn clone_span(&self, id: &Id) -> Id {
        self.0.spans.lock().unwrap()[id.into_u64() as usize - 1].2 += 1;
        id.clone()
    }

    fn try_close(&self, id: Id) -> bool {
        let left = {
            let count = &mut self.0.spans.lock().unwrap()[id.into_u64() as usize - 1].2;
            *count -= 1;
            *count
        };
        if left == 0 {
            self.note("closes", &self.name(&id));
        }
        left == 0
    }

    fn current_span(&self) -> Current {
        match self.0.entered.lock().unwrap().last() {
            Some((id, metadata)) => Current::new(id.clone(), metadata),
            None => Current::none(),
        }
    }
}

const HERE: &str = "spawn.file=\"tests/spans.rs\"";

/// Logs when it is dropped.
struct LogsItsEnd(&'static str);

impl Drop for LogsItsEnd {
    fn drop(&mut self) {
        info!("{} is dropped", self.0);
    }
}

#[test]
fn what_a_task_logs_is_in_its_span() {
    let told = Notes::default().of(|| {
        let runtime = Runtime::new().unwrap();
        let _outer = info_span!("outer").entered();
        runtime.block_on(async {
            let greets = task::Builder::new().name("greeter").spawn(async {
                info!("hello");
                yield_now().await;
                info!("hello again");
            });
            let other = spawn(async { info!("beside") });
            info!("spawned");
            greets.await.unwrap();
            other.await.unwrap();
        });
    });
    let expected = [
        "opens outer{}, nested".to_owned(),
        "enters outer".to_owned(),
        format!("opens task{{task.id=1 task.name=\"greeter\" {HERE}}}"),
        "follows task{task.id=1} after outer".to_owned(),
        format!("opens task{{task.id=2 {HERE}}}"),
        "follows task{task.id=2} after outer".to_owned(),
        "logs spawned in outer".to_owned(), // `block_on`'s future has no span of its own
        "enters task{task.id=1}".to_owned(),
        "logs hello in task{task.id=1}".to_owned(),
        "leaves task{task.id=1}".to_owned(),
        "enters task{task.id=2}".to_owned(),
        "logs beside in task{task.id=2}".to_owned(),
        "leaves task{task.id=2}".to_owned(),
        "closes task{task.id=2}".to_owned(),
        "enters task{task.id=1}".to_owned(),
        "logs hello again in task{task.id=1}".to_owned(),
        "leaves task{task.id=1}".to_owned(),
        "closes task{task.id=1}".to_owned(),
        "leaves outer".to_owned(),
        "closes outer".to_owned(),
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_span_of_the_tasks_own_is_inside_of_the_tasks() {
    let told = Notes::default().of(|| {
        let runtime = Runtime::new().unwrap();
        let task = runtime.spawn(async {
            info_span!("step").in_scope(|| {
                spawn(async {}).detach();
            });
        });
        runtime.block_on(task).unwrap();
    });
    let expected = [
        format!("opens task{{task.id=1 {HERE}}}"), // spawned outside of any span, so it follows from none
        "enters task{task.id=1}".to_owned(),
        "opens step{}, nested".to_owned(),
        "enters step".to_owned(),
        format!("opens task{{task.id=2 {HERE}}}"),
        "follows task{task.id=2} after step".to_owned(),
        "leaves step".to_owned(),
        "closes step".to_owned(),
        "leaves task{task.id=1}".to_owned(),
        "closes task{task.id=1}".to_owned(),
        "enters task{task.id=2}".to_owned(),
        "leaves task{task.id=2}".to_owned(),
        "closes task{task.id=2}".to_owned(),
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_future_is_dropped_in_its_span_however_it_ends() {
    let told = Notes::default().of(|| {
        let runtime = Runtime::new().unwrap();
        runtime.block_on(async {
            let end = LogsItsEnd("aborted");
            let aborted = spawn(async move {
                let _end = end;
                std::future::pending::<()>().await;
            });
            aborted.abort(); // before its first turn
            assert!(aborted.await.unwrap_err().is_cancelled());
            let panics = spawn(async {
                let _end = LogsItsEnd("panicking");
                std::panic::resume_unwind(Box::new("no"));
            });
            assert!(panics.await.unwrap_err().is_panic());
            let lost = LogsItsEnd("lost");
            spawn(async move {
                let _end = lost;
                std::future::pending::<()>().await;
            })
            .detach();
        });
        assert_eq!(runtime.shutdown().lost().len(), 1);
    });
    let of = |id: u32, text: &str, turns: u32| {
        let mut steps = vec![format!("opens task{{task.id={id} {HERE}}}")];
        for turn in 0..turns {
            steps.push(format!("enters task{{task.id={id}}}"));
            if turn == turns - 1 {
                steps.push(format!("logs {text} is dropped in task{{task.id={id}}}"));
            }
            steps.push(format!("leaves task{{task.id={id}}}"));
        }
        steps.push(format!("closes task{{task.id={id}}}"));
        steps
    };
    let expected = [of(1, "aborted", 1), of(2, "panicking", 1), of(3, "lost", 2)].concat();
    assert_eq!(told, expected);
}

#[test]
fn a_task_from_another_thread_has_a_span_once_it_is_taken_in() {
    let told = Notes::default().of(|| {
        let runtime = Runtime::new().unwrap();
        let handle = runtime.handle();
        std::thread::spawn(move || drop(handle.spawn(async { info!("sent") }))).join().unwrap();
        runtime.block_on(yield_now());
    });
    let expected = [
        format!("opens task{{task.id=1 {HERE}}}"),
        "enters task{task.id=1}".to_owned(),
        "logs sent in task{task.id=1}".to_owned(),
        "leaves task{task.id=1}".to_owned(),
        "closes task{task.id=1}".to_owned(),
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_subscriber_that_takes_no_spans_is_told_of_none() {
    let told = Notes::up_to(Level::WARN).of(|| {
        taketurns::block_on(async {
            spawn(async { tracing::warn!("careful") }).await.unwrap();
        });
    });
    assert_eq!(told, ["logs careful in no span"]);
}

#[test]
fn task_locals_and_the_span_are_in_force_together() {
    taketurns::task_local! {
        inherited static REQUEST: u32;
    }
    let told = Notes::default().of(|| {
        taketurns::block_on(REQUEST.scope(7, async {
            spawn(async {
                yield_now().await;
                info!("request {}", REQUEST.get());
            })
            .await
            .unwrap();
        }));
    });
    assert_eq!(told.iter().filter(|line| line.starts_with("enters")).count(), 2);
    assert!(told.contains(&"logs request 7 in task{task.id=1}".to_owned()), "{told:#?}");
}

#[test]
fn a_subscriber_that_panics_in_each_call_keeps_no_task_from_its_turns() {
    for call in ["opens", "follows", "enters", "leaves", "closes"] {
        thread_local! {
            static PANICS_IN: Cell<&'static str> = const { Cell::new("") };
        }
        PANICS_IN.set(call);
        let notes = Notes::that(|what| {
            if what == PANICS_IN.get() {
                std::panic::resume_unwind(Box::new("the subscriber's"));
            }
        });
        let reported = Arc::new(AtomicU64::new(0));
        let told = notes.of(|| {
            let count = Arc::clone(&reported);
            let runtime = taketurns::Builder::new()
                .unhandled_panic(UnhandledPanic::Call(Arc::new(move |_| {
                    count.fetch_add(1, Ordering::Relaxed);
                })))
                .build()
                .unwrap();
            let done = Rc::new(Cell::new(0));
            runtime.block_on(async {
                let turns = [(); 3].map(|()| {
                    let done = Rc::clone(&done);
                    spawn(async move {
                        spawn(async {}).await.unwrap(); // spawned in a span, so it follows from one
                        done.set(done.get() + 1);
                        7
                    })
                });
                for turn in turns {
                    assert_eq!(turn.await.unwrap(), 7);
                }
            });
            assert_eq!(done.get(), 3, "{call}");
            assert!(runtime.shutdown().lost().is_empty(), "{call}");
        });
        let calls = told.iter().filter(|line| line.starts_with(call)).count() as u64;
        assert!(calls > 0, "{call}");
        assert_eq!(reported.load(Ordering::Relaxed), calls, "each panic of {call} is reported");
    }
}

#[test]
fn a_subscriber_may_spawn_in_each_call() {
    for call in ["opens", "follows", "enters", "leaves", "closes"] {
        thread_local! {
            static SPAWNS_IN: Cell<&'static str> = const { Cell::new("") };
            static RAN: RefCell<u32> = const { RefCell::new(0) };
        }
        SPAWNS_IN.set(call);
        RAN.set(0);
        let notes = Notes::that(|what| {
            if what == SPAWNS_IN.get() {
                SPAWNS_IN.set("");
                spawn(async { RAN.with_borrow_mut(|ran| *ran += 1) }).detach();
            }
        });
        let told = notes.of(|| {
            taketurns::block_on(async {
                let first = spawn(async {
                    let inner = spawn(async { 1 });
                    inner.await.unwrap() + 1
                });
                assert_eq!(first.await.unwrap(), 2, "{call}");
                for _ in 0..4 {
                    yield_now().await;
                }
            });
        });
        assert_eq!(RAN.take(), 1, "{call}: {told:#?}");
    }
}

#[test]
fn a_subscriber_that_spawns_for_each_span_comes_to_an_end() {
    let notes = Notes::that(|what| {
        if what == "opens" {
            spawn(async { info!("by the subscriber") }).detach();
        }
    });
    let told = notes.of(|| taketurns::block_on(async { spawn(yield_now()).await.unwrap() }));
    let expected = [
        format!("opens task{{task.id=1 {HERE}}}"),
        "enters task{task.id=1}".to_owned(),
        "leaves task{task.id=1}".to_owned(),
        "logs by the subscriber in no span".to_owned(),
        "enters task{task.id=1}".to_owned(),
        "leaves task{task.id=1}".to_owned(),
        "closes task{task.id=1}".to_owned(),
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_subscriber_that_runs_the_loop_as_a_task_is_spawned_finds_it_whole() {
    thread_local! {
        static RUNTIME: RefCell<Option<Rc<Runtime>>> = const { RefCell::new(None) };
    }
    let notes = Notes::that(|what| {
        if what == "opens" {
            let runtime = RUNTIME.take().unwrap();
            runtime.block_on(yield_now()); // the task takes its only turn here
        }
    });
    let told = notes.of(|| {
        let runtime = Rc::new(Runtime::new().unwrap());
        RUNTIME.set(Some(Rc::clone(&runtime)));
        let task = runtime.spawn(async { 42 });
        assert!(task.is_finished());
        assert_eq!(runtime.block_on(task).unwrap(), 42);
        assert!(Span::current().is_none());
    });
    assert_eq!(
        told,
        [format!("opens task{{task.id=1 {HERE}}}"), "closes task{task.id=1}".to_owned()]
    );
}
