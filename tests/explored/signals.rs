//! Event, Notify and Barrier.

use std::rc::Rc;

use taketurns::sync::{Barrier, BarrierWaitResult, Event, Notify};

use super::world::{Dice, Line, Model, Shared, World, patiently};

#[derive(Default)]
struct Flag {
    is_set: bool,
    line: Line<(), ()>,
}

impl Model for Flag {
    type Ask = ();
    type Outcome = ();

    fn come(&mut self, number: usize, (): ()) -> Option<()> {
        if !self.is_set {
            self.line.join(number, ());
        }
        self.is_set.then_some(())
    }

    fn look(&mut self, number: usize) -> Option<()> {
        self.line.gone.remove(&number)
    }

    fn leave(&mut self, number: usize) {
        self.line.leave(number);
    }

    fn let_go(&self) -> Vec<usize> {
        self.line.let_go()
    }
}

pub(crate) struct OfEvent(Event, Shared<Flag>);

impl OfEvent {
    fn check(&self) {
        let expected = self.1.model(|model| {
            format!("Event {{ is_set: {}, waiting: {} }}", model.is_set, model.line.waiting.len())
        });
        assert_eq!(format!("{:?}", self.0), expected);
    }
}

impl World for OfEvent {
    fn new(_: &mut Dice) -> Self {
        OfEvent(Event::new(), Shared::new(Flag::default()))
    }

    async fn step(self: Rc<Self>, mut dice: Dice) {
        let OfEvent(event, shared) = &*self;
        match dice.below(8) {
            0 => {
                shared.model(|model| {
                    model.is_set = true;
                    model.line.let_all_go(&());
                });
                event.set();
            }
            1 | 2 => {
                shared.model(|model| model.is_set = false);
                event.clear();
            }
            _ => {
                patiently(&mut dice, shared.beside((), event.wait(), |()| ())).await;
            }
        }
        self.check();
    }

    fn settled(&self) {
        self.1.settled();
    }

    fn ended(&self) {
        self.check();
    }
}

#[derive(Clone, Copy, PartialEq)]
enum By {
    One,
    All,
}

#[derive(Default)]
struct Notifications {
    is_stored: bool,
    line: Line<(), By>,
}

impl Notifications {
    fn notify_one(&mut self) {
        if !self.line.let_front_go(By::One) {
            self.is_stored = true;
        }
    }
}

impl Model for Notifications {
    type Ask = ();
    type Outcome = ();

    fn come(&mut self, number: usize, (): ()) -> Option<()> {
        let takes = std::mem::take(&mut self.is_stored);
        if !takes {
            self.line.join(number, ());
        }
        takes.then_some(())
    }

    fn look(&mut self, number: usize) -> Option<()> {
        self.line.gone.remove(&number).map(drop)
    }

    fn leave(&mut self, number: usize) {
        if self.line.leave(number) == Some(By::One) {
            self.notify_one();
        }
    }

    fn let_go(&self) -> Vec<usize> {
        self.line.let_go()
    }
}

pub(crate) struct OfNotify(Notify, Shared<Notifications>);

impl OfNotify {
    fn check(&self) {
        let expected = self.1.model(|model| {
            let waiting = model.line.waiting.len();
            format!("Notify {{ is_stored: {}, waiting: {waiting} }}", model.is_stored)
        });
        assert_eq!(format!("{:?}", self.0), expected);
    }
}

impl World for OfNotify {
    fn new(_: &mut Dice) -> Self {
        OfNotify(Notify::new(), Shared::new(Notifications::default()))
    }

    async fn step(self: Rc<Self>, mut dice: Dice) {
        let OfNotify(notify, shared) = &*self;
        match dice.below(8) {
            0 | 1 => {
                shared.model(Notifications::notify_one);
                notify.notify_one();
            }
            2 => {
                shared.model(|model| model.line.let_all_go(&By::All));
                notify.notify_waiters();
            }
            _ => {
                patiently(&mut dice, shared.beside((), notify.notified(), |()| ())).await;
            }
        }
        self.check();
    }

    fn settled(&self) {
        self.1.settled();
    }

    fn ended(&self) {
        self.check();
    }
}

struct Meeting {
    parties: usize,
    line: Line<(), ()>,
}

impl Model for Meeting {
    type Ask = ();
    /// Whether it leads.
    type Outcome = bool;

    fn come(&mut self, number: usize, (): ()) -> Option<bool> {
        if self.line.waiting.len() + 1 >= self.parties {
            self.line.let_all_go(&());
            return Some(true);
        }
        self.line.join(number, ());
        None
    }

    fn look(&mut self, number: usize) -> Option<bool> {
        self.line.gone.remove(&number).map(|()| false)
    }

    fn leave(&mut self, number: usize) {
        self.line.leave(number);
    }

    fn let_go(&self) -> Vec<usize> {
        self.line.let_go()
    }
}

pub(crate) struct OfBarrier {
    barrier: Barrier,
    shared: Shared<Meeting>,
}

impl World for OfBarrier {
    fn new(dice: &mut Dice) -> Self {
        let parties = dice.below(5);
        let model = Meeting { parties: parties.max(1), line: Line::default() };
        OfBarrier { barrier: Barrier::new(parties), shared: Shared::new(model) }
    }

    async fn step(self: Rc<Self>, mut dice: Dice) {
        let Self { barrier, shared } = &*self;
        let wait = shared.beside((), barrier.wait(), BarrierWaitResult::is_leader);
        patiently(&mut dice, wait).await;
        let (parties, waiters) = shared.model(|model| (model.parties, model.line.waiting.len()));
        let expected = format!("Barrier {{ parties: {parties}, waiters: {waiters} }}");
        assert_eq!(format!("{barrier:?}"), expected);
    }

    fn settled(&self) {
        self.shared.settled();
    }

    fn ended(&self) {
        assert!(format!("{:?}", self.barrier).ends_with("waiters: 0 }"));
    }
}
