//! watch and broadcast.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use taketurns::sync::broadcast::{self, RecvError};
use taketurns::sync::{Closed, SendError, watch};

use super::world::{Dice, Line, Model, Shared, World, patiently};

#[derive(Clone, Copy, Debug)]
enum Ask {
    /// By a receiver that has seen this version.
    Changed(u64),
    Closed,
}

#[derive(Default)]
struct Latest {
    version: u64,
    has_sender: bool,
    receivers: usize,
    changed: Line<u64, u64>,
    closed: Line<(), ()>,
}

impl Latest {
    fn tell(&mut self) {
        self.version += 1;
        self.let_changed_go();
    }

    fn let_changed_go(&mut self) {
        for (number, seen) in self.changed.waiting.drain(..) {
            self.changed.gone.insert(number, seen);
        }
    }
}

impl Model for Latest {
    type Ask = Ask;
    /// Whether there is a value that was not seen. Always true for `closed`.
    type Outcome = bool;

    fn come(&mut self, number: usize, ask: Ask) -> Option<bool> {
        match ask {
            Ask::Changed(seen) if self.version != seen || !self.has_sender => {
                return Some(self.version != seen);
            }
            Ask::Changed(seen) => self.changed.join(number, seen),
            Ask::Closed if self.receivers == 0 => return Some(true),
            Ask::Closed => self.closed.join(number, ()),
        }
        None
    }

    fn look(&mut self, number: usize) -> Option<bool> {
        let changed = self.changed.gone.remove(&number).map(|seen| self.version != seen);
        changed.or_else(|| self.closed.gone.remove(&number).map(|()| true))
    }

    fn leave(&mut self, number: usize) {
        self.changed.leave(number);
        self.closed.leave(number);
    }

    fn let_go(&self) -> Vec<usize> {
        [self.changed.let_go(), self.closed.let_go()].concat()
    }
}

pub(crate) struct OfWatch {
    /// The value is the version.
    sender: RefCell<Option<Rc<watch::Sender<u64>>>>,
    shared: Shared<Latest>,
}

/// One receiver, which the model counts.
struct Watching<'a> {
    shared: &'a Shared<Latest>,
    receiver: watch::Receiver<u64>,
}

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.shared.model(|model| {
                model.receivers -= 1;
                if model.receivers == 0 {
                    model.closed.let_all_go(&());
                }
            });
        }
    }
}

impl World for OfWatch {
    fn new(_: &mut Dice) -> Self {
        let model = Latest { has_sender: true, ..Latest::default() };
        let sender = watch::channel(0).0; // its receiver is gone
        OfWatch { sender: RefCell::new(Some(Rc::new(sender))), shared: Shared::new(model) }
    }

    async fn step(self: Rc<Self>, mut dice: Dice) {
        let shared = &self.shared;
        let Some(sender) = self.sender.borrow().clone() else { return };
        match dice.below(20) {
            0..8 => {
                let (receivers, next) = shared.model(|model| (model.receivers, model.version + 1));
                let expected = if receivers == 0 { Err(SendError(next)) } else { Ok(()) };
                if expected.is_ok() {
                    shared.model(Latest::tell);
                }
                assert_eq!(sender.send(next), expected);
                assert_eq!(*sender.borrow(), shared.model(|model| model.version));
            }
            8 | 9 => {
                let changes = dice.one_in(2);
                if changes {
                    shared.model(Latest::tell);
                }
                sender.send_if_modified(|value| {
                    *value += u64::from(changes);
                    changes
                });
            }
            10 | 11 => {
                let closed = shared.beside(Ask::Closed, sender.closed(), |()| true);
                patiently(&mut dice, closed).await;
            }
            12 if dice.one_in(4) => {
                drop(sender);
                // Those of other tasks that are in a step live on.
                let last = self.sender.take().map(Rc::try_unwrap);
                if let Some(Err(shared_with_tasks)) = last {
                    *self.sender.borrow_mut() = Some(shared_with_tasks);
                } else if let Some(Ok(last)) = last {
                    shared.model(|model| {
                        model.has_sender = false;
                        model.let_changed_go();
                    });
                    drop(last);
                }
            }
            _ => {
                let receiver = sender.subscribe();
                drop(sender);
                shared.model(|model| model.receivers += 1);
                let mut watching = Watching { shared, receiver };
                let mut seen = *watching.receiver.borrow();
                for _ in 0..1 + dice.below(3) {
                    let changed = watching.receiver.changed();
                    let changed = shared.beside(Ask::Changed(seen), changed, Result::is_ok);
                    match patiently(&mut dice, changed).await {
                        Some(Ok(())) => seen = shared.model(|model| model.version),
                        Some(Err(Closed)) => break,
                        None => {}
                    }
                    let version = shared.model(|model| model.version);
                    assert_eq!(*watching.receiver.borrow(), version);
                    assert_eq!(watching.receiver.has_changed(), version != seen);
                }
            }
        }
    }

    fn settled(&self) {
        self.shared.settled();
    }

    fn ended(&self) {
        if let Some(sender) = &*self.sender.borrow() {
            let version = self.shared.model(|model| model.version);
            let expected = format!("version: {version}, senders: 1, receivers: 0, waiting: 0");
            assert!(format!("{sender:?}").contains(&expected), "{sender:?}");
        }
    }
}

struct Ring {
    capacity: u64,
    sent: u64,
    has_sender: bool,
    /// The position of the value that each receiver gets next.
    next: BTreeMap<usize, u64>,
    line: Line<usize, usize>,
}

#[derive(PartialEq, Debug)]
enum Got {
    Value(u64),
    Missed(u64),
    Ended,
}

impl Ring {
    fn oldest(&self) -> u64 {
        self.sent.saturating_sub(self.capacity)
    }

    fn take(&mut self, receiver: usize) -> Got {
        let oldest = self.oldest();
        let next = self.next.get_mut(&receiver).unwrap();
        if *next < oldest {
            let missed = oldest - *next;
            *next = oldest;
            Got::Missed(missed)
        } else if *next < self.sent {
            *next += 1;
            Got::Value(*next - 1)
        } else {
            Got::Ended
        }
    }

    fn let_all_go(&mut self) {
        for (number, receiver) in self.line.waiting.drain(..) {
            self.line.gone.insert(number, receiver);
        }
    }

    /// How many values some receiver has not got yet.
    fn kept(&self) -> usize {
        let is_kept = |at: &u64| self.next.values().any(|next| next <= at);
        (self.oldest()..self.sent).filter(is_kept).count()
    }
}

impl Model for Ring {
    /// The receiver.
    type Ask = usize;
    type Outcome = Got;

    fn come(&mut self, number: usize, receiver: usize) -> Option<Got> {
        if self.next[&receiver] == self.sent && self.has_sender {
            self.line.join(number, receiver);
            return None;
        }
        Some(self.take(receiver))
    }

    fn look(&mut self, number: usize) -> Option<Got> {
        let receiver = self.line.gone.remove(&number)?;
        Some(self.take(receiver))
    }

    fn leave(&mut self, number: usize) {
        self.line.leave(number);
    }

    fn let_go(&self) -> Vec<usize> {
        self.line.let_go()
    }
}

#[derive(Clone)]
struct Counted(u64, #[expect(dead_code, reason = "only counted")] Rc<()>);

pub(crate) struct OfBroadcast {
    sender: RefCell<Option<broadcast::Sender<Counted>>>,
    alive: Rc<()>,
    shared: Shared<Ring>,
}

struct Hearing<'a> {
    shared: &'a Shared<Ring>,
    number: usize,
    receiver: broadcast::Receiver<Counted>,
}

impl Drop for Hearing<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.shared.model(|model| model.next.remove(&self.number));
        }
    }
}

impl OfBroadcast {
    /// A value lives as long as a receiver has not got it.
    fn check(&self) {
        let kept = self.shared.model(|model| model.kept());
        assert_eq!(Rc::strong_count(&self.alive), 1 + kept, "values that are alive");
    }
}

impl World for OfBroadcast {
    fn new(dice: &mut Dice) -> Self {
        let capacity = 1 + dice.below(3);
        let model = Ring {
            capacity: capacity as u64,
            sent: 0,
            has_sender: true,
            next: BTreeMap::new(),
            line: Line::default(),
        };
        let sender = broadcast::channel(capacity).0;
        let shared = Shared::new(model);
        OfBroadcast { sender: RefCell::new(Some(sender)), alive: Rc::default(), shared }
    }

    async fn step(self: Rc<Self>, mut dice: Dice) {
        let shared = &self.shared;
        match dice.below(20) {
            0..9 => {
                let sender = self.sender.borrow();
                let Some(sender) = &*sender else { return };
                let (value, receivers) = shared.model(|model| {
                    let value = model.sent;
                    if !model.next.is_empty() {
                        model.sent += 1;
                        model.let_all_go();
                    }
                    (value, model.next.len())
                });
                let sent = sender.send(Counted(value, Rc::clone(&self.alive)));
                assert_eq!(sent.ok(), (receivers > 0).then_some(receivers));
            }
            9 if dice.one_in(3) => {
                shared.model(|model| {
                    model.has_sender = false;
                    model.let_all_go();
                });
                self.sender.take();
            }
            _ => {
                let receiver = self.sender.borrow().as_ref().map(broadcast::Sender::subscribe);
                let Some(receiver) = receiver else { return };
                let number = usize::try_from(dice.roll() >> 16).unwrap();
                shared.model(|model| model.next.insert(number, model.sent));
                let mut hearing = Hearing { shared, number, receiver };
                for _ in 0..1 + dice.below(4) {
                    let read = |got: &Result<Counted, RecvError>| match got {
                        Ok(Counted(value, _)) => Got::Value(*value),
                        Err(RecvError::Lagged(missed)) => Got::Missed(*missed),
                        Err(RecvError::Closed) => Got::Ended,
                    };
                    let receive = shared.beside(number, hearing.receiver.recv(), read);
                    drop(patiently(&mut dice, receive).await);
                    self.check();
                    dice.pause().await;
                }
            }
        }
        self.check();
    }

    fn settled(&self) {
        self.shared.settled();
        self.check();
    }

    fn ended(&self) {
        self.check();
        assert_eq!(Rc::strong_count(&self.alive), 1);
    }
}
