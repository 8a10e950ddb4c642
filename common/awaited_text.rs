//! How an [`Awaited`] reads: a clause without a subject, for a line of a report.

#![forbid(unsafe_code)]

use std::fmt;
use std::time::Duration;

use super::awaited::{Awaited, Detail, EndedBy, Hold, Holder, TASK, TOLD, left};
use super::round::round_down;

impl fmt::Display for Awaited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(label), Some(site)) = (self.label(), self.site()) {
            return write!(f, "in {label:?}, named at {site}");
        }
        if self.kind() == TASK {
            return self
                .holders
                .iter()
                .try_for_each(|holder| write!(f, "awaits {}", holder.title()));
        }
        if self.is_unpolled {
            f.write_str("does not poll ")?;
            self.thing(f)?;
            return f.write_str(", which is ready"); // the detail is of the time when it was not
        }
        f.write_str(if self.is_outer() { "in " } else { "waits for " })?;
        self.thing(f)?;
        write!(f, "{}", self.detail)?;
        if matches!(self.ended_by, EndedBy::All | EndedBy::Any) {
            let titles: Vec<_> = self.holders.iter().take(TOLD).map(Holder::title).collect();
            return match &titles[..] {
                [] => Ok(()),
                titles => write!(f, ": {}", titles.join(", ")),
            };
        }
        self.holders.iter().take(TOLD).try_for_each(|holder| holder.fmt(f))?;
        if self.holders.len() > TOLD { f.write_str("; and more") } else { Ok(()) }
    }
}

impl Awaited {
    /// What is waited for, without a verb.
    fn thing(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())?;
        if let Some(site) = self.site() {
            write!(f, " at {site}")?;
        }
        Ok(())
    }
}

/// Follows the place.
impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => Ok(()),
            Self::Text(text) => f.write_str(text),
            Self::Left(left) => write!(f, ", {left} left"),
            Self::Permits { there, of } => {
                let permits = if *of == 1 { "permit" } else { "permits" };
                let are = if *there == 1 { "is" } else { "are" };
                write!(f, ", needs {of} {permits}, {there} {are} free")
            }
            Self::Parties { there, of } => write!(f, ", {there} of {of} there"),
            Self::Block { number, running } => {
                write!(f, ", for block {number}, while block {running} has not ended")
            }
            Self::Due { deadline: None, .. } => f.write_str(", never due"),
            Self::Due { deadline: Some(deadline), now } => due_in(left(*deadline, *now), f),
            Self::DueIn(left) => due_in(*left, f),
            Self::By(function) => write!(f, ", by `{function}`"),
        }
    }
}

fn due_in(left: Duration, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, ", due in {:?}", round_down(left))
}

impl Holder {
    fn title(&self) -> String {
        match self.task {
            Some(task) => task.title(self.name.as_deref()),
            None if self.kind == TASK => "a task of another runtime".to_owned(),
            None => "a future outside of all tasks".to_owned(),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (title, kind) = (self.title(), self.kind);
        let at = self.site.map(|site| format!(" at {site}")).unwrap_or_default();
        match self.hold {
            Hold::Has => write!(f, ", locked by {title}{at}"),
            Hold::Unpolled => {
                write!(f, "; granted to {kind}{at}, which {title} has not polled since")
            }
            Hold::Ahead => write!(f, ", behind {kind} of {title}{at}"),
        }
    }
}
