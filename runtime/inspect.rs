//! What programs outside are told of a runtime, by [`insight::serve`](crate::insight::serve()).

#![forbid(unsafe_code)]

use std::sync::Arc;

use super::insights::Insights;
use crate::executor::{Id, Stands};
use crate::insight::{Beat, Form, Served, Source, Standing, Topic};
use crate::threads::Handle;

impl Served for Handle {
    fn source(&self) -> Option<Arc<dyn Source>> {
        Some(self.attached::<Insights>()?)
    }
}

impl Insights {
    /// As reports name a task.
    fn title(&self, id: Id) -> String {
        match self.hub.name_of(id) {
            _ if id == Id::ROOT => "the future of `block_on`".to_owned(),
            Some(name) => format!("task {id} {name:?}"),
            None => format!("task {id}"),
        }
    }
}

impl Source for Insights {
    fn beat(&self) -> Beat {
        let seen = self.hub.pulse();
        let task = seen.task.zip(seen.site);
        Beat {
            standing: match seen.stands {
                Stands::Outside => Standing::Outside,
                Stands::Runs => Standing::Runs,
                Stands::Parked => Standing::Waits,
            },
            turns: seen.turns,
            looks: seen.looks,
            task: task.map(|(id, site)| (self.title(id), site.to_string())),
            ready: seen.ready,
            live: seen.live,
        }
    }

    fn tell(&self, topic: Topic, form: Form) -> Result<String, String> {
        let _ = (topic, form);
        Err("the loop keeps nothing of that".into())
    }

    fn trace(&self) -> Result<String, String> {
        Err("the loop keeps nothing of that".into())
    }
}
