//! The channel: many senders, many receivers, slots and values that are granted.

use std::collections::VecDeque;
use std::rc::Rc;

use taketurns::sync::channel::{self, Permit, Receiver, Sender};
use taketurns::sync::{Closed, SendError, TryRecvError, TrySendError};

use super::world::{Dice, Line, Model, Shared, World, patiently};

#[derive(Clone, Copy, Debug)]
enum Ask {
    Send(u32),
    Reserve,
    Receive,
}

#[derive(PartialEq, Debug)]
enum Outcome {
    Sent,
    Refused,
    Reserved,
    Got(u32),
    Ended,
}

struct Queue {
    bound: usize,
    buffer: VecDeque<u32>,
    closed: bool,
    /// Slots that are reserved, or granted to senders that were let go.
    taken: usize,
    /// Values that are granted to receivers that were let go.
    granted: usize,
    senders: Line<Ask, Ask>,
    /// Let go with a value, or with the end.
    receivers: Line<(), bool>,
    /// How many values are sent, for the next one.
    sent: u32,
}

impl Queue {
    fn has_room(&self) -> bool {
        !self.closed && self.buffer.len() + self.taken < self.bound
    }

    fn push(&mut self, value: u32) {
        self.buffer.push_back(value);
        assert!(self.buffer.len() + self.taken <= self.bound, "more values than slots");
        self.grant_value();
    }

    fn grant_value(&mut self) {
        if self.buffer.len() > self.granted && self.receivers.let_front_go(true) {
            self.granted += 1;
        }
    }

    fn pop(&mut self) -> Option<u32> {
        if self.buffer.len() == self.granted {
            return None;
        }
        let value = self.buffer.pop_front();
        self.slot_is_free();
        value
    }

    fn slot_is_free(&mut self) {
        if self.closed {
            self.end_if_empty();
        } else if let Some(&(_, ask)) = self.senders.waiting.first() {
            self.senders.let_front_go(ask);
            self.taken += 1;
        }
    }

    fn end_if_empty(&mut self) {
        if self.closed && self.buffer.is_empty() {
            self.receivers.let_all_go(&false);
        }
    }

    fn close(&mut self) {
        self.closed = true;
        self.end_if_empty();
        self.senders.let_all_go(&Ask::Reserve);
    }

    fn shut_down(&mut self) {
        self.buffer.clear();
        self.granted = 0;
        self.close();
    }
}

impl Model for Queue {
    type Ask = Ask;
    type Outcome = Outcome;

    fn come(&mut self, number: usize, ask: Ask) -> Option<Outcome> {
        match ask {
            Ask::Receive => {
                if let Some(value) = self.pop() {
                    return Some(Outcome::Got(value));
                }
                if self.closed && self.buffer.is_empty() {
                    return Some(Outcome::Ended);
                }
                self.receivers.join(number, ());
            }
            _ if self.closed => return Some(Outcome::Refused),
            Ask::Send(value) if self.has_room() => {
                self.push(value);
                return Some(Outcome::Sent);
            }
            Ask::Reserve if self.has_room() => {
                self.taken += 1;
                return Some(Outcome::Reserved);
            }
            ask => self.senders.join(number, ask),
        }
        None
    }

    fn look(&mut self, number: usize) -> Option<Outcome> {
        if let Some(ask) = self.senders.gone.remove(&number) {
            return Some(match ask {
                _ if self.closed => Outcome::Refused,
                Ask::Send(value) => {
                    self.taken -= 1;
                    self.push(value);
                    Outcome::Sent
                }
                _ => Outcome::Reserved,
            });
        }
        let has_value = self.receivers.gone.remove(&number)?;
        if !has_value || self.buffer.is_empty() {
            return Some(Outcome::Ended);
        }
        self.granted -= 1;
        let value = self.buffer.pop_front().unwrap();
        self.slot_is_free();
        Some(Outcome::Got(value))
    }

    fn leave(&mut self, number: usize) {
        if self.senders.leave(number).is_some() && !self.closed {
            self.taken -= 1;
            self.slot_is_free();
        }
        if self.receivers.leave(number) == Some(true) && self.granted > 0 {
            self.granted -= 1;
            self.grant_value();
        }
    }

    fn let_go(&self) -> Vec<usize> {
        [self.senders.let_go(), self.receivers.let_go()].concat()
    }
}

pub(crate) struct OfChannel {
    sender: Sender<u32>,
    receiver: Receiver<u32>,
    shared: Shared<Queue>,
}

/// A reserved slot, which the model has taken too.
struct Slot<'a> {
    shared: &'a Shared<Queue>,
    permit: Option<Permit<'a, u32>>,
}

impl Slot<'_> {
    fn send(mut self) {
        let permit = self.permit.take().unwrap();
        let value = self.shared.model(|model| {
            model.sent += 1;
            if !model.closed {
                model.taken -= 1;
                model.push(model.sent);
            }
            model.sent
        });
        let closed = self.shared.model(|model| model.closed);
        assert_eq!(permit.send(value), if closed { Err(SendError(value)) } else { Ok(()) });
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        if self.permit.is_some() && !std::thread::panicking() {
            self.shared.model(|model| {
                if !model.closed {
                    model.taken -= 1;
                    model.slot_is_free();
                }
            });
        }
    }
}

impl OfChannel {
    fn next_value(&self) -> u32 {
        self.shared.model(|model| {
            model.sent += 1;
            model.sent
        })
    }

    fn check(&self) {
        let expected = self.shared.model(|model| {
            let capacity = Some(model.bound).filter(|&bound| bound != usize::MAX);
            format!(
                "Sender {{ len: {}, capacity: {capacity:?}, is_closed: {}, senders: 1, receivers: 1, \
                 waiting_senders: {}, waiting_receivers: {} }}",
                model.buffer.len(),
                model.closed,
                model.senders.waiting.len(),
                model.receivers.waiting.len(),
            )
        });
        assert_eq!(format!("{:?}", self.sender), expected);
        let is_full = self.shared.model(|model| !model.closed && !model.has_room());
        assert_eq!(self.sender.is_full(), is_full);
    }

    fn try_send(&self) {
        let value = self.next_value();
        let expected = self.shared.model(|model| match model.has_room() {
            true => {
                model.push(value);
                Ok(())
            }
            false if model.closed => Err(TrySendError::Closed(value)),
            false => Err(TrySendError::Full(value)),
        });
        assert_eq!(self.sender.try_send(value), expected);
    }

    fn try_receive(&self) {
        let expected = self.shared.model(|model| match model.pop() {
            Some(value) => Ok(value),
            None if model.closed && model.buffer.is_empty() => Err(TryRecvError::Closed),
            None => Err(TryRecvError::Empty),
        });
        assert_eq!(self.receiver.try_recv(), expected);
    }

    fn drain(&self) {
        let expected: Vec<_> = self.shared.model(|model| {
            let count = model.buffer.len() - model.granted;
            let values: Vec<_> = model.buffer.drain(..count).collect();
            values.iter().for_each(|_| model.slot_is_free());
            values
        });
        assert_eq!(self.receiver.drain(), expected);
    }
}

fn got(received: &Result<u32, Closed>) -> Outcome {
    received.map_or(Outcome::Ended, Outcome::Got)
}

impl World for OfChannel {
    fn new(dice: &mut Dice) -> Self {
        let bound = match dice.below(8) {
            0 => usize::MAX,
            small => 1 + small % 3,
        };
        let (sender, receiver) =
            if bound == usize::MAX { channel::unbounded() } else { channel::bounded(bound) };
        let model = Queue {
            bound,
            buffer: VecDeque::new(),
            closed: false,
            taken: 0,
            granted: 0,
            senders: Line::default(),
            receivers: Line::default(),
            sent: 0,
        };
        OfChannel { sender, receiver, shared: Shared::new(model) }
    }

    async fn step(self: Rc<Self>, mut dice: Dice) {
        let Self { sender, receiver, shared } = &*self;
        match dice.below(40) {
            0..12 => {
                let value = self.next_value();
                let read = |sent: &Result<(), SendError<u32>>| match sent {
                    Ok(()) => Outcome::Sent,
                    Err(SendError(back)) => {
                        assert_eq!(*back, value);
                        Outcome::Refused
                    }
                };
                let send = shared.beside(Ask::Send(value), sender.send(value), read);
                patiently(&mut dice, send).await;
            }
            12..18 => {
                let read = |reserved: &Result<Permit<'_, u32>, SendError<()>>| match reserved {
                    Ok(_) => Outcome::Reserved,
                    Err(_) => Outcome::Refused,
                };
                let reserve = shared.beside(Ask::Reserve, sender.reserve(), read);
                if let Some(Ok(permit)) = patiently(&mut dice, reserve).await {
                    let slot = Slot { shared, permit: Some(permit) };
                    dice.pause().await;
                    if dice.one_in(2) {
                        slot.send();
                    }
                }
            }
            18..32 => {
                let receive = shared.beside(Ask::Receive, receiver.recv(), got);
                patiently(&mut dice, receive).await;
            }
            32 | 33 => self.try_send(),
            34 | 35 => self.try_receive(),
            36 => self.drain(),
            37 if dice.one_in(2) => {
                shared.model(Queue::close);
                sender.close();
            }
            38 if dice.one_in(2) => {
                shared.model(Queue::shut_down);
                receiver.shutdown(true);
            }
            _ => {}
        }
        self.check();
    }

    fn settled(&self) {
        self.shared.settled();
        self.check();
    }

    fn ended(&self) {
        self.check();
        let (taken, granted) = self.shared.model(|model| (model.taken, model.granted));
        assert_eq!((if self.sender.is_closed() { 0 } else { taken }, granted), (0, 0));
        self.drain();
        self.check();
    }
}
