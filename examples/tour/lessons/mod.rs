//! The lessons, by chapter, in the order in which the tour plays them. Each is a file of its own.

#![forbid(unsafe_code)]

mod asked_to_end;
mod await_and_spawn;
mod awaited_task;
mod back_pressure;
mod background_loop;
mod blocking_handler;
mod blocking_sleep;
mod computation;
mod concurrent_waits;
mod deadlock;
mod done_callbacks;
mod event;
mod futurelock;
mod gathering;
mod limited_workers;
mod lost_task;
mod nested_run;
mod offloaded_handler;
mod ready_awaits;
mod replayed_schedule;
mod running_loop;
mod second_run;
mod several_errors;
mod shared_state;
mod site;
mod starvation;
mod stop_from_outside;
mod stuck_loop;
mod submitted_task;
mod task_group;
mod thread_target;
mod time_limit;
mod timeline;
mod two_loops;
mod unseen_error;
mod virtual_time;
mod waiting_thread;
mod yield_every_k;
mod yielding;

use std::io;

use crate::child::Part;
use crate::exercise::Exercise;
use crate::stage::Stage;
use crate::twin::Script;

/// One thing that goes wrong in cooperative code, or what puts it right.
pub(crate) struct Lesson {
    /// Its row in docs/lessons.md.
    pub(crate) number: u32,
    /// Its name in one word, for the command line.
    pub(crate) slug: &'static str,
    pub(crate) title: &'static str,
    /// What it comes to, in one short sentence.
    pub(crate) moral: &'static str,
    /// Its own source, in which `// [show` and `// show]` mark the lines that matter.
    pub(crate) source: &'static str,
    pub(crate) next: Next,
    pub(crate) exercise: Exercise,
    pub(crate) twin: Script,
    pub(crate) play: fn(&mut Stage) -> io::Result<()>,
}

/// Where this crate makes it so.
pub(crate) struct Next {
    pub(crate) file: &'static str,
    /// What to look for in the file: its text, word for word.
    pub(crate) item: &'static str,
    pub(crate) why: &'static str,
}

/// Lessons that belong together.
pub(crate) struct Chapter {
    pub(crate) title: &'static str,
    pub(crate) lessons: &'static [Lesson],
}

/// All lessons.
pub(crate) static CHAPTERS: &[Chapter] = &[
    Chapter {
        title: "A task lives no longer than its loop",
        lessons: &[lost_task::LESSON, awaited_task::LESSON],
    },
    Chapter {
        title: "Waiting",
        lessons: &[concurrent_waits::LESSON, event::LESSON, time_limit::LESSON],
    },
    Chapter {
        title: "Together",
        lessons: &[
            gathering::LESSON,
            await_and_spawn::LESSON,
            done_callbacks::LESSON,
            task_group::LESSON,
        ],
    },
    Chapter {
        title: "Taking turns",
        lessons: &[
            starvation::LESSON,
            yielding::LESSON,
            ready_awaits::LESSON,
            yield_every_k::LESSON,
        ],
    },
    Chapter {
        title: "Cancelling, and errors",
        lessons: &[asked_to_end::LESSON, several_errors::LESSON, unseen_error::LESSON],
    },
    Chapter { title: "Sharing", lessons: &[shared_state::LESSON, futurelock::LESSON] },
    Chapter { title: "Back-pressure", lessons: &[limited_workers::LESSON, back_pressure::LESSON] },
    Chapter {
        title: "Blocking work",
        lessons: &[
            blocking_sleep::LESSON,
            blocking_handler::LESSON,
            offloaded_handler::LESSON,
            computation::LESSON,
        ],
    },
    Chapter {
        title: "From synchronous code",
        lessons: &[nested_run::LESSON, running_loop::LESSON, second_run::LESSON],
    },
    Chapter {
        title: "Across threads",
        lessons: &[
            thread_target::LESSON,
            background_loop::LESSON,
            stop_from_outside::LESSON,
            submitted_task::LESSON,
            waiting_thread::LESSON,
            two_loops::LESSON,
        ],
    },
    Chapter { title: "Trying it out", lessons: &[virtual_time::LESSON, replayed_schedule::LESSON] },
    Chapter {
        title: "Seeing what goes on",
        lessons: &[timeline::LESSON, deadlock::LESSON, stuck_loop::LESSON],
    },
];

/// What the child processes of the lessons play.
pub(crate) static PARTS: &[Part] =
    &[background_loop::PART, stop_from_outside::PART, computation::COMPUTES, computation::CRASHES];

impl Lesson {
    /// The lines that matter of the program that is played.
    pub(crate) fn program(&self) -> Vec<&'static str> {
        let mut shown = Vec::new();
        for part in self.source.split("// [show\n").skip(1) {
            let (part, _) = part.split_once("// show]").expect("each mark has its end");
            let margin = part.len() - part.trim_start().len();
            if !shown.is_empty() {
                shown.push("");
            }
            let lines = part.trim_end().lines();
            shown.extend(lines.map(|line| line.get(margin..).unwrap_or("")));
        }
        shown
    }

    /// The chapter it opens, if it does.
    pub(crate) fn opens(&self) -> Option<&'static Chapter> {
        CHAPTERS.iter().find(|chapter| chapter.lessons[0].number == self.number)
    }
}
