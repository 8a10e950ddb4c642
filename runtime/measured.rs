//! What the loop measures for other threads, if it is asked to: histograms, and the slab of its tasks.

#![forbid(unsafe_code)]

use std::sync::Arc;

use super::Builder;
#[cfg(feature = "inspect")]
use crate::executor::primitives::Gauge;
use crate::executor::{Driver, Executor};
#[cfg(feature = "offload")]
use crate::insight::JobCounts;
use crate::insight::{Histogram, Histograms, Slab, Writer, stopwatch};

/// For any thread.
pub(super) struct Measured {
    histograms: Option<Arc<Histograms>>,
    slab: Option<Arc<Slab>>,
    #[cfg(feature = "offload")]
    jobs: Option<crate::offload::Counter>,
    /// How many waits are noted, if they are.
    #[cfg(feature = "inspect")]
    waits: Option<Arc<Gauge>>,
}

impl Measured {
    /// Observes the executor, if `builder` says so.
    pub(super) fn new<D: Driver>(builder: &Builder, executor: &Executor<'_, D>) -> Self {
        let histograms = builder.telling.histograms.then(Histograms::new);
        if let Some(histograms) = &histograms {
            executor.observe(stopwatch(Arc::clone(histograms)));
        }
        let slab = builder.telling.task_slab.then(Slab::new);
        if let Some(slab) = &slab {
            executor.observe(Writer::new(Arc::clone(slab)));
        }
        Self {
            histograms,
            slab,
            #[cfg(feature = "offload")]
            jobs: None,
            #[cfg(feature = "inspect")]
            waits: None,
        }
    }

    /// As it is, with how many waits are noted.
    #[cfg(feature = "inspect")]
    pub(super) fn with_waits(self, waits: Option<Arc<Gauge>>) -> Self {
        Self { waits, ..self }
    }

    /// How many waits are noted.
    #[cfg(feature = "inspect")]
    pub(super) fn waits(&self) -> u64 {
        self.waits.as_ref().map_or(0, |count| count.get())
    }

    /// As it is, with the jobs of a pool.
    #[cfg(feature = "offload")]
    pub(super) fn with_jobs(self, jobs: crate::offload::Counter) -> Self {
        Self { jobs: Some(jobs), ..self }
    }

    #[cfg(feature = "offload")]
    pub(super) fn jobs(&self) -> Option<JobCounts> {
        let counts = self.jobs.as_ref()?.counts();
        Some(JobCounts::new(counts.queued, counts.running, counts.threads))
    }

    pub(super) fn queue_delay(&self) -> Option<Histogram> {
        self.histograms.as_ref().map(|all| all.queue_delay())
    }

    pub(super) fn poll_time(&self) -> Option<Histogram> {
        self.histograms.as_ref().map(|all| all.poll_time())
    }

    pub(super) fn look_gap(&self) -> Option<Histogram> {
        self.histograms.as_ref().map(|all| all.look_gap())
    }

    pub(super) fn slab(&self) -> Option<&Slab> {
        self.slab.as_deref()
    }
}
