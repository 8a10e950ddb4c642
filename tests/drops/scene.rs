//! [`Scene`]: a future under test, what goes on beside it, and what must hold when all of it is over.

use std::cell::{Cell, RefCell};
use std::fmt::Debug;
use std::future::{Future, poll_fn};
use std::ops::Deref;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use taketurns::testing::explore;
use taketurns::time::sleep;
use taketurns::{JoinHandle, spawn};

type Boxed = Pin<Box<dyn Future<Output = ()>>>;

/// What all futures of a scene share.
pub(crate) struct Stage<T> {
    subject: T,
    made: RefCell<Vec<u32>>,
    got: RefCell<Vec<u32>>,
    values: Rc<()>,
}

/// A value that must not be lost, and that is counted while it is alive.
#[derive(Clone, Debug)]
pub(crate) struct Value {
    number: u32,
    _alive: Rc<()>,
}

impl<T> Stage<T> {
    pub(crate) fn value(&self, number: u32) -> Value {
        self.made.borrow_mut().push(number);
        Value { number, _alive: Rc::clone(&self.values) }
    }

    /// The value has arrived.
    pub(crate) fn got(&self, value: &Value) {
        self.got.borrow_mut().push(value.number);
    }

    /// One of what was made, which are numbered from 1, has arrived.
    pub(crate) fn arrived(&self) {
        let mut got = self.got.borrow_mut();
        let number = got.len() + 1;
        got.push(u32::try_from(number).unwrap());
    }
}

impl<T> Deref for Stage<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.subject
    }
}

/// One performance. Made anew for each run.
pub(crate) struct Scene {
    tested: Boxed,
    others: Vec<Boxed>,
    /// Called at the end, with whether the future under test came to its own.
    check: Box<dyn FnOnce(bool)>,
}

/// Of what a scene is made.
pub(crate) struct Plan<T> {
    stage: Rc<Stage<T>>,
    others: Vec<Boxed>,
    carried: Option<u32>,
    end: String,
}

impl<T: Debug + 'static> Plan<T> {
    pub(crate) fn new(subject: T) -> Self {
        let end = format!("{subject:?}");
        let stage = Stage {
            subject,
            made: RefCell::default(),
            got: RefCell::default(),
            values: Rc::default(),
        };
        Plan { stage: Rc::new(stage), others: Vec::new(), carried: None, end }
    }

    /// A task that must come to its end, whatever happens to the future under test.
    pub(crate) fn beside<F: AsyncFnOnce(&Stage<T>) + 'static>(mut self, run: F) -> Self {
        let stage = Rc::clone(&self.stage);
        self.others.push(Box::pin(async move { run(&stage).await }));
        self
    }

    /// The future under test owns this value, and may drop it when it is dropped itself.
    pub(crate) fn carries(mut self, number: u32) -> Self {
        self.carried = Some(number);
        self
    }

    /// At the end, the text of the subject has `to` where it had `from`. Otherwise it is the same as at the start.
    pub(crate) fn ends_with(mut self, from: &str, to: &str) -> Self {
        self.end = self.end.replace(from, to);
        self
    }

    pub(crate) fn tested<F: AsyncFnOnce(Rc<Stage<T>>) + 'static>(self, run: F) -> Scene {
        let Plan { stage, others, carried, end } = self;
        let in_future = Rc::clone(&stage);
        let tested = Box::pin(async move { run(in_future).await });
        let check = move |finished: bool| {
            assert_eq!(format!("{:?}", stage.subject), end, "the subject, when all is over");
            let (mut made, mut got) = (stage.made.take(), stage.got.take());
            if !finished && !got.iter().any(|&number| Some(number) == carried) {
                made.retain(|&number| Some(number) != carried);
            }
            made.sort_unstable();
            got.sort_unstable();
            assert_eq!(got, made, "what has arrived, and what was made");
            assert_eq!(Rc::strong_count(&stage), 1, "a future of the scene is leaked");
            let Ok(stage) = Rc::try_unwrap(stage) else { unreachable!() };
            drop(stage.subject);
            assert_eq!(Rc::strong_count(&stage.values), 1, "a value is leaked");
        };
        Scene { tested, others, check: Box::new(check) }
    }
}

/// When the future under test is dropped.
#[derive(Clone, Copy)]
enum When {
    /// In the turn of its last poll.
    AtOnce,
    /// When it is woken once more: so it is dropped with what it was granted.
    WhenWoken,
}

/// A waker that can be counted.
struct Counted(Waker);

impl Wake for Counted {
    fn wake(self: Arc<Self>) {
        self.0.wake_by_ref();
    }
}

/// Polls the future up to `polls` times, each time when it is woken, and drops it. Returns whether it came to its end.
async fn poll_and_drop(mut tested: Boxed, polls: usize, when: When) -> bool {
    let mut polled = 0;
    let mut counted = None;
    let finished = poll_fn(|cx| {
        if polled == polls {
            return Poll::Ready(false);
        }
        polled += 1;
        let counted = counted.get_or_insert_with(|| Arc::new(Counted(cx.waker().clone())));
        let waker = Waker::from(Arc::clone(counted));
        match tested.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(()) => Poll::Ready(true),
            Poll::Pending if polled == polls && matches!(when, When::AtOnce) => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    });
    let finished = finished.await;
    drop(tested);
    if let Some(counted) = counted {
        assert_eq!(Arc::strong_count(&counted), 1, "a waker is kept of a future that is dropped");
    }
    finished
}

async fn perform(scene: Scene, polls: usize, when: When) -> bool {
    let tested = spawn(poll_and_drop(scene.tested, polls, when));
    let others: Vec<JoinHandle<()>> = scene.others.into_iter().map(spawn).collect();
    let finished = tested.await.unwrap();
    for other in others {
        other.await.unwrap(); // else the run is deadlocked
    }
    sleep(Duration::from_secs(60)).await; // aborted children have had their last look by then
    (scene.check)(finished);
    finished
}

/// Under so many schedules each drop is seen.
const SEEDS: u64 = 24;

/// Drops the future at its start, and after each poll that it needs.
pub(crate) fn drop_everywhere(make: fn() -> Scene) {
    for when in [When::AtOnce, When::WhenWoken] {
        let needed = (0_usize..).find(|&polls| {
            assert!(polls < 100, "the scene does not end");
            let all_finished = Cell::new(true);
            explore(0..SEEDS, async || {
                let finished = perform(make(), polls, when).await;
                all_finished.set(all_finished.get() && finished);
            });
            all_finished.get()
        });
        assert!(needed >= Some(2), "the future never waited: it was ready in {needed:?} polls");
    }
}
