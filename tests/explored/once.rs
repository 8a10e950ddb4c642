//! oneshot: pairs of tasks, of which each may drop, close or give up.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use taketurns::spawn;
use taketurns::sync::oneshot;

use super::world::{Dice, Model, Shared, World, patiently};

#[derive(Default)]
struct Once {
    sent: Option<u32>,
    /// A half is gone, or the receiver was closed.
    over: bool,
    closed: bool,
    waiting: BTreeMap<usize, Ask>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Ask {
    Value,
    Closed,
}

impl Once {
    fn outcome(&self, ask: Ask) -> Option<Option<u32>> {
        match ask {
            Ask::Value => (self.sent.is_some() || self.over).then_some(self.sent),
            Ask::Closed => self.closed.then_some(None),
        }
    }
}

impl Model for Once {
    type Ask = Ask;
    type Outcome = Option<u32>;

    fn come(&mut self, number: usize, ask: Ask) -> Option<Option<u32>> {
        self.waiting.insert(number, ask);
        self.look(number)
    }

    fn look(&mut self, number: usize) -> Option<Option<u32>> {
        let outcome = self.outcome(self.waiting[&number])?;
        self.waiting.remove(&number);
        Some(outcome)
    }

    fn leave(&mut self, number: usize) {
        self.waiting.remove(&number);
    }

    fn let_go(&self) -> Vec<usize> {
        let ready = |(_, ask): &(&usize, &Ask)| self.outcome(**ask).is_some();
        self.waiting.iter().filter(ready).map(|(number, _)| *number).collect()
    }
}

/// All oneshots of a program.
pub(crate) struct OfOneshot(RefCell<Vec<Rc<Shared<Once>>>>);

/// Does its work when the half that it stands for is dropped, or its task aborted.
struct AtEnd<F: Fn()>(F);

impl<F: Fn()> Drop for AtEnd<F> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            (self.0)();
        }
    }
}

async fn sends(shared: Rc<Shared<Once>>, sender: oneshot::Sender<u32>, mut dice: Dice) {
    // Locals are dropped in reverse: the half first, and then its end is told to the model, in one turn.
    let model = Rc::clone(&shared);
    let _end = AtEnd(move || model.model(|model| model.over = true));
    let mut sender = sender;
    for _ in 0..dice.below(3) {
        let closed = shared.beside(Ask::Closed, sender.closed(), |()| None);
        patiently(&mut dice, closed).await;
        dice.pause().await;
    }
    assert_eq!(sender.is_closed(), shared.model(|model| model.closed));
    if dice.one_in(4) {
        return;
    }
    let value = u32::try_from(dice.below(1000)).unwrap();
    let expected = shared.model(|model| match model.closed {
        true => Err(value),
        false => {
            model.sent = Some(value);
            Ok(())
        }
    });
    assert_eq!(sender.send(value), expected);
}

async fn receives(shared: Rc<Shared<Once>>, receiver: oneshot::Receiver<u32>, mut dice: Dice) {
    let model = Rc::clone(&shared);
    let close = move || {
        model.model(|model| {
            // A value that was sent before can still be received; a sender that is gone was not told.
            model.closed |= model.sent.is_none() && !model.over;
            model.over = true;
        });
    };
    let end = AtEnd(close);
    let mut receiver = receiver;
    for _ in 0..1 + dice.below(3) {
        dice.pause().await;
        if dice.one_in(4) {
            receiver.close();
            (end.0)();
        }
        let receive = shared.beside(Ask::Value, &mut receiver, |got| got.ok());
        if patiently(&mut dice, receive).await.is_some() {
            return;
        }
    }
}

impl World for OfOneshot {
    fn new(_: &mut Dice) -> Self {
        OfOneshot(RefCell::default())
    }

    async fn step(self: Rc<Self>, mut dice: Dice) {
        let shared = Rc::new(Shared::new(Once::default()));
        self.0.borrow_mut().push(Rc::clone(&shared));
        let (sender, receiver) = oneshot::channel();
        let sends = spawn(sends(Rc::clone(&shared), sender, dice.split()));
        let receives = spawn(receives(shared, receiver, dice.split()));
        sends.await.unwrap();
        receives.await.unwrap();
    }

    fn settled(&self) {
        self.0.borrow().iter().for_each(|shared| shared.settled());
    }

    fn ended(&self) {
        self.settled();
    }
}
