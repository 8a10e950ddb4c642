//! [`Info`] and [`State`]: what is known of a task, for reports.

#![forbid(unsafe_code)]

use std::borrow::Cow;
use std::fmt;
use std::panic::Location;

use super::Id;

/// What is known of a task: its id and name, where it was spawned, how far it got.
///
/// Its `Display` is one line.
#[derive(Clone, Debug)]
pub struct Info {
    pub(super) id: Id,
    pub(super) name: Option<Box<str>>,
    pub(super) site: &'static Location<'static>,
    pub(super) polls: u32,
    pub(super) state: State,
}

/// A name as reports have it: of one that is long, the beginning.
pub(crate) fn shortened(name: &str) -> Cow<'_, str> {
    beginning(name, 200)
}

/// At most so many bytes of a text, and `…` if that is not all.
pub(crate) fn beginning(text: &str, bytes: usize) -> Cow<'_, str> {
    if text.len() <= bytes {
        return text.into();
    }
    let end = (0..=bytes).rev().find(|&end| text.is_char_boundary(end)).unwrap_or_default();
    format!("{}…", &text[..end]).into()
}

/// Where a task stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum State {
    /// It has its turn now; in an error, the turn in which it ended.
    Running,
    /// It is owed a turn.
    Ready,
    /// It waits to be woken, and a waker of it exists.
    Waiting,
    /// It waits, and no waker of it exists: nothing but an abort can ever give it a turn.
    Stuck,
}

impl Info {
    /// Of a task that was written down by another part.
    pub(crate) fn new(
        id: Id,
        name: Option<Box<str>>,
        site: &'static Location<'static>,
        polls: u32,
        state: State,
    ) -> Self {
        Self { id, name, site, polls, state }
    }

    /// `task #3`, or `task #3 "name"`.
    pub(crate) fn title(&self) -> String {
        self.id.title(self.name())
    }

    /// Which task it is.
    #[must_use]
    pub fn id(&self) -> Id {
        self.id
    }

    /// The name [`task::Builder`](crate::task::Builder) gave it. If it has more than 200 bytes, only
    /// [`task::current`](crate::task::current) has all of it. All else that tells of a task has its beginning, and `…`: a report
    /// is often kept when the task has ended, and so would be its name.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Where it was spawned.
    #[must_use]
    pub fn site(&self) -> &'static Location<'static> {
        self.site
    }

    /// How many turns it has begun: 0 when it was never polled. Counts up to `u32::MAX`, and stops there.
    #[must_use]
    pub fn polls(&self) -> u64 {
        self.polls.into()
    }

    /// Where it stood when this was asked.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }
}

impl fmt::Display for Info {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.id == Id::ROOT { "called" } else { "spawned" };
        write!(f, "{}, {verb} at {}, ", self.title(), self.site)?;
        match self.polls {
            0 => f.write_str("never polled"),
            1 => f.write_str("polled once"),
            u32::MAX => write!(f, "polled {} times or more", u32::MAX),
            polls => write!(f, "polled {polls} times"),
        }?;
        f.write_str(match self.state {
            State::Running => ", running",
            State::Ready => ", ready to run",
            State::Waiting => ", waiting",
            State::Stuck => ", stuck: no waker of it is left",
        })
    }
}
