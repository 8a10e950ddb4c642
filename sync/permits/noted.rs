//! What reports are told of [`Permits`]: what a future in line waits for, and which task has a lock.

#![forbid(unsafe_code)]

use std::panic::Location;

use super::super::wait_list::Key;
use super::{Ask, MAX, Operation, Permits, Request};
use crate::common::awaited::{Awaited, Detail, EndedBy, Hold, Holder};
use crate::common::explained;
use crate::common::held::Taken;
use crate::common::waits;
use crate::executor::{Hub, with_current};

/// For reports: how many futures ahead are counted, as each future in a line of thousands is asked.
const COUNTED: usize = 100;

impl Permits {
    /// A future in line says what it waits for.
    #[inline]
    pub(super) fn note(&self, place: &Option<Key>, ask: Ask, site: &'static Location<'static>) {
        if waits::is_noting() {
            self.note_wait(place, ask, site);
        }
    }

    #[cold]
    #[inline(never)]
    fn note_wait(&self, place: &Option<Key>, ask: Ask, site: &'static Location<'static>) {
        self.line.note(place, || {
            let own = with_current(Hub::memory_in_turn).flatten();
            let is_own = own.is_some_and(|own| own.contains(&std::ptr::from_ref(place).addr()));
            let wait = Awaited::new(ask.name(), site).ended_by(ask.operation.ended_by(), !is_own);
            match ask.operation {
                _ if waits::is_asking() => {
                    let place = place.as_ref().expect("it is in line");
                    wait.with(Detail::Text(self.describe(place, ask)))
                }
                Operation::Acquire => wait.with(self.there(ask)),
                _ => wait,
            }
        });
    }

    fn there(&self, ask: Ask) -> Detail {
        Detail::Permits { there: self.free.get(), of: ask.permits }
    }

    /// The task that has its turn has taken a lock that one future at a time has.
    #[inline]
    pub(super) fn took(&self, ask: Ask, site: Option<&'static Location<'static>>) {
        if waits::is_explaining() && ask.operation.takes_all() {
            self.note_taken(ask, true, site);
        }
    }

    /// The task that has its turn has taken what other futures may have, too.
    #[inline]
    pub(in crate::sync) fn took_one(
        &self,
        ask: Ask,
        site: Option<&'static Location<'static>>,
    ) -> Taken {
        match waits::is_explaining() {
            true => self.note_taken(ask, self.free.get() == MAX - ask.permits, site),
            false => Taken::NOT_NOTED,
        }
    }

    #[cold]
    #[inline(never)]
    fn note_taken(
        &self,
        ask: Ask,
        is_alone: bool,
        site: Option<&'static Location<'static>>,
    ) -> Taken {
        explained::took(self.line.line_key(), is_alone, |task| Holder {
            task,
            name: None,
            hold: Hold::Has,
            kind: ask.name(),
            site,
            may_move: ask.operation.ended_by() == EndedBy::OwnedLock,
        })
    }

    /// What a report that asks says of a future in line, behind its name and its place.
    #[cold]
    fn describe(&self, place: &Key, ask: Ask) -> String {
        let mut text = String::new();
        if let Operation::Acquire = ask.operation {
            text += &self.there(ask).to_string();
        }
        match self.line.ahead_of(place, COUNTED) {
            // The others wait for this one.
            0 => self.line.for_each_let_go(|Request { ask, site, is_granted }| {
                if *is_granted {
                    let name = ask.name();
                    text +=
                        &format!("; granted to {name} at {site}, which no task has polled since");
                }
            }),
            COUNTED => text += &format!(", {COUNTED} or more ahead of it"),
            ahead => text += &format!(", {ahead} ahead of it"),
        }
        text
    }
}

impl Ask {
    /// What a wait for it is called.
    pub(super) fn name(self) -> &'static str {
        match (self.operation, self.permits) {
            (Operation::Acquire, 1) => "the `Semaphore::acquire()`",
            (Operation::Acquire, _) => "the `Semaphore::acquire_many()`",
            (Operation::Lock | Operation::LockOwned, _) => "the `Mutex::lock()`",
            (Operation::Read, _) => "the `RwLock::read()`",
            (Operation::Write, _) => "the `RwLock::write()`",
        }
    }
}

impl Operation {
    /// Whether it takes a lock that one future at a time has.
    fn takes_all(self) -> bool {
        !matches!(self, Operation::Acquire | Operation::Read)
    }

    fn ended_by(self) -> EndedBy {
        match self {
            Operation::Acquire => EndedBy::Permits,
            Operation::LockOwned => EndedBy::OwnedLock,
            Operation::Read => EndedBy::Shared,
            Operation::Lock | Operation::Write => EndedBy::Lock,
        }
    }
}
