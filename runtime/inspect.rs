//! What programs outside are told of a runtime, by [`insight::serve`](crate::insight::serve()).

#![forbid(unsafe_code)]

use std::sync::Arc;
use std::time::Duration;

use super::insights::Insights;
use crate::executor::observe::LoopState;
use crate::executor::{Id, State};
use crate::insight::{Beat, DumpedTask, Form, Served, Source, Standing, Topic};
use crate::threads::Handle;

/// How long a loop may be silent when it is asked for its tasks.
const LIMIT: Duration = Duration::from_millis(500);

/// A handle that no work comes by.
struct Asked {
    handle: Handle,
    insights: Arc<Insights>,
}

impl Served for Handle {
    fn source(&self) -> Option<Arc<dyn Source>> {
        let insights = self.attached::<Insights>()?;
        Some(Arc::new(Asked { handle: self.uncounted(), insights }))
    }
}

impl Asked {
    /// As reports name a task.
    fn title(&self, id: Id) -> String {
        match self.insights.hub.name_of(id) {
            _ if id == Id::ROOT => "the future of `block_on`".to_owned(),
            Some(name) => format!("task {id} {name:?}"),
            None => format!("task {id}"),
        }
    }
}

impl Source for Asked {
    fn beat(&self) -> Beat {
        let hub = &self.insights.hub;
        let seen = hub.pulse();
        let task = seen.task.zip(seen.site);
        Beat {
            standing: match seen.stands {
                _ if hub.has_closed() => Standing::Ended,
                LoopState::Outside => Standing::Outside,
                LoopState::Runs => Standing::Runs,
                LoopState::Parked => Standing::Waits,
                LoopState::Ended => Standing::Ended,
            },
            turns: seen.turns,
            looks: seen.looks,
            task: task.map(|(id, site)| (self.title(id), site.to_string())),
            ready: seen.ready,
            live: seen.live,
        }
    }

    fn tell(&self, topic: Topic, form: Form) -> Result<String, String> {
        Ok(match (topic, form) {
            (Topic::Metrics, Form::Text) => self.handle.metrics().to_string(),
            (Topic::Metrics, Form::Json) => self.handle.metrics().to_json(),
            (Topic::Dump, Form::Text) => self.handle.dump(LIMIT).to_string(),
            (Topic::Dump, Form::Json) => self.handle.dump(LIMIT).to_json(),
        })
    }

    fn stuck(&self) -> Result<Vec<String>, String> {
        let dump = self.handle.dump(LIMIT);
        if !dump.is_answered() {
            return Err("the loop gives no answer now".into());
        }
        let stuck = dump.tasks().iter().filter(|task| task.info().state() == State::Stuck);
        Ok(stuck.map(DumpedTask::to_string).collect())
    }

    fn trace(&self) -> Result<String, String> {
        let trace = self.handle.trace().ok_or("the loop keeps no timeline: `Builder::trace`")?;
        Ok(trace.to_html())
    }
}
