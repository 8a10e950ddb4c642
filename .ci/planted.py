"""Errors in the protocol, for `.ci/orderings` to plant in a copy of the sources: what each is, and its changes as
(file, old text, new text). The old text must be there exactly once."""

COUNT = "executor/task/count.rs"
INBOX = "executor/task/inbox.rs"
HUB = "executor/task/hub.rs"
CLOSE = "executor/task/close.rs"
TURNS = "executor/task/turns.rs"
RUN = "executor/run.rs"
EXECUTOR = "executor/executor.rs"
REMOTE = "executor/task/remote.rs"
TOKENS = "common/tokens.rs"
TREE = "group/token/tree.rs"
ENDING = "loops/ending.rs"
READY_SET = "group/ready_set.rs"
CREW = "offload/crew.rs"
ADMIT = "offload/shared.rs"
WORKER = "offload/worker.rs"
JOB = "offload/shared_job.rs"
POOL = "offload/pool.rs"
RING = "insight/trace/ring.rs"
SLAB = "insight/slab.rs"
ASK = "insight/ask.rs"

ON_THE_SPOT = "if local + away.word.load(ordering!(retire_look: Acquire)) == 0 {"
RETIRE = """\
        let word = away.word.fetch_add(local + RETIRED, ordering!(retire: AcqRel));
        if local + word == 0 {"""
SET = "        self.word.fetch_or(flags, ordering!(post: AcqRel)) & POSTED == 0"
LATE_LINK = """\
        if self.0.addr() & 1 == 1 {
            let last = self.0.map_addr(|address| address & !1);
            let last = TaskRef::from_ptr(last)?;
            self.0 = unsafe { last.away().link.with_mut(|link| *link) };
        }
        let task = TaskRef::from_ptr(self.0)?;
        self.0 = self.0.map_addr(|address| address | 1);
        Some(task)"""

PLANTED = {
    # How a task is counted and freed.
    "localonly": (
        "freed on the spot when the local count alone is 0",
        [(COUNT, ON_THE_SPOT, "if local == 0 {")],
    ),
    "spotmask": (
        "the flags left out of the on-the-spot test",
        [(COUNT, ON_THE_SPOT, "if local + (away.word.load(ordering!(retire_look: Acquire)) & -ONE) == 0 {")],
    ),
    "flagfirst": (
        "retired in two steps: the flag, then the count",
        [
            (
                COUNT,
                RETIRE,
                """\
        away.word.fetch_or(RETIRED, ordering!(retire: AcqRel));
        let word = away.word.fetch_add(local, ordering!(retire: AcqRel));
        if local + word == RETIRED {""",
            )
        ],
    ),
    "lastdrop": (
        "the last drop does not free",
        [(COUNT, "if word == RETIRED + ONE {", "if word == RETIRED {")],
    ),
    "foldtwice": (
        "home folds its count into the word and keeps it too",
        [(COUNT, "self.local.replace(0) as isize;", "self.local.get() as isize;")],
    ),
    "hubafter": (
        "a waker is given up first, then its task is pushed through the hub",
        [
            (
                "executor/task/waker.rs",
                """\
                wake_away(task, hub);
                task.away().count.dec()""",
                """\
                let won = task.away().count.post();
                let fate = task.away().count.dec();
                if won {
                    hub.push(task);
                }
                fate""",
            )
        ],
    ),
    "homeanywhere": (
        "every place is taken for home",
        [("executor/task/entry.rs", "INSIDE.with(|inside| inside.get() == Some(hub))", "_ = hub; true")],
    ),
    # How it is woken.
    "skiprmw": (
        "no read-modify-write when POSTED is seen set",
        [(COUNT, SET, "if self.word.load(ordering!(retire_look: Acquire)) & flags == flags { return false; }\n" + SET)],
    ),
    "skippush": (
        "a winner of POSTED does not push a task that has retired",
        [(COUNT, SET, SET.replace("& POSTED", "& (POSTED | RETIRED)"))],
    ),
    "nextlate": (
        "the link is read after POSTED is cleared",
        [
            (
                INBOX,
                """\
        let task = TaskRef::from_ptr(self.0)?;
        // SAFETY: (ALIVE) POSTED is a reference; (LINK) still POSTED, so still home's. It is read before the caller clears
        // POSTED, as the link belongs to the next winner then.
        self.0 = unsafe { task.away().link.with_mut(|link| *link) };
        Some(task)""",
                LATE_LINK,
            )
        ],
    ),
    "lastfirst": (
        "the batch is not reversed",
        [(INBOX, "        while let Some(task) = TaskRef::from_ptr(last) {", "        if !last.is_null() { return Self(last); }\n        while let Some(task) = TaskRef::from_ptr(last) {")],
    ),
    "nointerval": (
        "no look while a task is ready",
        [(RUN, "if turns == self.next_look.get() || !self.hub.turn::<SEEN>() {", "if !self.hub.turn::<SEEN>() {")],
    ),
    "yieldfront": (
        "a task that yields goes to the front of the queue",
        [
            (
                TURNS,
                """\
                Poll::Pending => self.enqueue_again::<SEEN>(task, home.state.end_turn()),""",
                """\
                Poll::Pending => {
                    if home.state.end_turn() == crate::executor::task::state::Wake::Push {
                        self.home.queue.push_front(task);
                    }
                }""",
            ),
            (
                "executor/task/queue.rs",
                "    /// Takes the task at the head.",
                """\
    pub(super) fn push_front(&self, task: TaskRef) {
        let next = self.head.replace(Some(task));
        unsafe { task.home() }.next_run.set(next);
        if next.is_none() {
            self.tail.set(Some(task));
        }
    }

    /// Takes the task at the head.""",
            ),
        ],
    ),
    # How home sleeps.
    "parkblind": (
        "parks without looking at the list in the same step",
        [
            (
                INBOX,
                """\
        let parked = self.head.compare_exchange(ptr::null_mut(), PARKED, ordering!(park: Relaxed));
        parked.is_ok()""",
                """\
        let empty = self.head.load(ordering!(drain_look: Relaxed)).is_null();
        if empty {
            self.head.swap(PARKED, ordering!(park: Relaxed));
        }
        empty""",
            )
        ],
    ),
    "nounpark": (
        "a push that replaces PARKED does not unpark",
        [(INBOX, "            self.unpark();", "")],
    ),
    "stepawake": (
        "a step says that no task is ready, and does not park",
        [(RUN, "            if self.may_sleep() {", "            if !self.hub.has_ready() {")],
    ),
    "deadlinedeaf": (
        "`next_deadline` does not ask whether home is parked",
        [(EXECUTOR, "Ok(driver) if self.hub.is_parked() && !self.hub.has_ready() => {", "Ok(driver) if !self.hub.has_ready() => {")],
    ),
    "stopquiet": (
        "a stop does not unpark",
        [(REMOTE, "        self.away().inbox.unpark();", "")],
    ),
    "stopforgot": (
        "a stop that came before the run is forgotten",
        [
            (
                EXECUTOR,
                "|| self.run_until(|| self.hub.take_stop())",
                "|| { self.hub.take_stop(); self.run_until(|| self.hub.take_stop()) }",
            )
        ],
    ),
    # How it is aborted.
    "abortlate": (
        "ABORT_POSTED is set in a step after POSTED",
        [(COUNT, "        self.set(POSTED | ABORT_POSTED | by_job())", "        let won = self.set(POSTED);\n        let _ = self.set(ABORT_POSTED);\n        won")],
    ),
    "abortloser": (
        "a waker that loses POSTED does not abort",
        [(COUNT, "        self.set(POSTED | ABORT_POSTED | by_job())", "        self.set(POSTED) && { let _ = self.set(ABORT_POSTED); true }")],
    ),
    "abortkept": (
        "the drain leaves ABORT_POSTED behind",
        [(COUNT, "away.word.fetch_and(!POST, ordering!(unpost: AcqRel))", "away.word.fetch_and(!(POSTED | BY_JOB), ordering!(unpost: AcqRel))")],
    ),
    "abortbehind": (
        "`RemoteHandle::abort` wakes before it says so",
        [
            (
                "threads/remote_handle.rs",
                """\
        if self.slot.note(|orders| orders.is_aborted = true).is_some() {
            self.task.wake_by_ref();
        }""",
                """\
        self.task.wake_by_ref();
        self.slot.note(|orders| orders.is_aborted = true);""",
            ),
        ],
    ),
    # How it is told that a blocking job woke it.
    "joblate": (
        "BY_JOB is set in a step after POSTED",
        [(COUNT, "        self.set(POSTED | BY_JOB)", "        let won = self.set(POSTED);\n        let _ = self.set(BY_JOB);\n        won")],
    ),
    "jobkept": (
        "the drain leaves BY_JOB behind",
        [(COUNT, "away.word.fetch_and(!POST, ordering!(unpost: AcqRel))", "away.word.fetch_and(!(POSTED | ABORT_POSTED), ordering!(unpost: AcqRel))")],
    ),
    "joblast": (
        "a retired task that a blocking job woke last is not freed",
        [(COUNT, "let was_last = word & !POST == RETIRED;", "let was_last = word & !(POSTED | ABORT_POSTED) == RETIRED;")],
    ),
    # How an output goes to another thread.
    "slotonce": (
        "a slot keeps the waker that was cloned without looking for an output again",
        [
            (
                "common/slot.rs",
                "            cloned = Some(waker.clone());",
                "            self.lock().awaiter = Some(waker.clone());\n            return Poll::Pending;",
            ),
        ],
    ),
    "slotleft": (
        "a handle that goes away does not say so to its slot",
        [("common/slot.rs", "        inner.has_handle = false;\n", "")],
    ),
    # How a thread waits for one.
    "wakeforgot": (
        "a thread forgets, before it sleeps, the wake that has come",
        [("threads/park.rs", "        while !*is_woken {", "        *is_woken = false;\n        while !*is_woken {")],
    ),
    "stopunheard": (
        "a stop does not wake the threads that wait",
        [("threads/stop.rs", "        waiting.iter().for_each(Parker::wake);\n", "        let _ = waiting;\n")],
    ),
    "unlisted": (
        "a thread that waits is not listed for the stop",
        [("threads/stop.rs", "        inner.waiting.push(parker.clone());\n", "        let _ = &mut inner;\n")],
    ),
    "stopfirst": (
        "a thread that is told of the stop does not look for the output again",
        [("threads/remote_handle.rs", "return Some(self.end_wait().unwrap_or_else(stopped));", "return Some(stopped());")],
    ),
    "filledfirst": (
        "the slot is filled before the future is dropped",
        [
            ("threads/sent.rs", "    fn end(mut self: Pin<&mut Self>, mut result: Result<T, JoinError>) {", "    fn end(mut self: Pin<&mut Self>, mut result: Result<T, JoinError>) {\n        let filled = self.slot.fill(std::mem::replace(&mut result, Err(JoinError::shutdown(self.subject()))));\n        if let Some(awaiter) = filled.and_then(|filled| filled.awaiter) {\n            awaiter.wake();\n        }"),
        ],
    ),
    # How it ends.
    "keepqueued": (
        "POSTED is kept when the inbox is closed",
        [(HUB, "            unsafe { task.away() }.count.take_back_post();", "")],
    ),
    "closeblind": (
        "what is in the inbox at the close is not taken in",
        [(CLOSE, "            self.take_batch(self.away.inbox.close());", "            let _ = self.away.inbox.close();")],
    ),
    "unseenkept": (
        "the memory of a task that a closed inbox refuses is not freed",
        [("executor/task/cell.rs", "        task.bury().release(task.cell());\n", "")],
    ),
    # What a virtual clock must not jump over.
    "holdlate": (
        "a look takes the inbox in first, and sees that nothing holds the clock then",
        [
            (
                RUN,
                """\
        self.wait(&mut *driver, limit);
        self.hub.take_in(); // after the wait, and before a clock may move: see `common/tokens.rs`
""",
                """\
        self.hub.take_in();
        self.wait(&mut *driver, limit);
""",
            )
        ],
    ),
    "jumpsblind": (
        "a look lets the clock jump before it takes the inbox in",
        [
            (
                RUN,
                """\
        self.hub.take_in(); // after the wait, and before a clock may move: see `common/tokens.rs`
        driver.wake(self.hub.has_ready());
""",
                """\
        driver.wake(self.hub.has_ready());
        self.hub.take_in();
""",
            )
        ],
    ),
    "wakeunseen": (
        "a task whose wake has begun, and is not in the inbox yet, is taken for one that waits",
        [("executor/task/state.rs", " || away.is_posted() => State::Ready", " => State::Ready")],
    ),
    "tokensilent": (
        "the last token comes back without waking home",
        [(TOKENS, "if before == ONE | WATCHED {", "if before == ONE {")],
    ),
    "tokenunasked": (
        "home does not say that it relies on being told of the last token",
        [(TOKENS, "self.word.fetch_or(WATCHED, ", "self.word.fetch_or(0, ")],
    ),
    # What is refused, and what is sent to be called.
    "refusedhome": (
        "what an ended executor refuses is described where it was sent from",
        [
            (
                REMOTE,
                "        // SAFETY: (LAST) the push failed",
                "        let _ = unsafe { self.0.at_home().describe(task) };\n        // SAFETY: (LAST) the push failed",
            )
        ],
    ),
    "callforgotten": (
        "the end of the executor does not call what it takes in",
        [(CLOSE, "Turn::Poll if !state.is_listed() => self.poll::<OBSERVED>(task),", "")],
    ),
    # How a cancellation token is cancelled.
    "cancelmissed": (
        "a token keeps the waker that was cloned without looking again whether it is cancelled",
        [
            (
                TREE,
                "            cloned = Some(waker.clone());",
                "            let clone = waker.clone();\n            drop(self.lock().keep(key, waiter, clone));\n            return Poll::Pending;",
            )
        ],
    ),
    "childlate": (
        "a child goes into the tree in a step after its parent was looked at",
        [(TREE, "        let is_cancelled = reason.is_some();", "        let is_cancelled = reason.is_some();\n        drop(state);\n        let mut state = self.lock();")],
    ),
    "leavelate": (
        "a wait that is given up takes its waker out in a step after it looked whether the token is cancelled",
        [(TREE, "        let waker = state.forget(key, waiter);", "        drop(state);\n        let mut state = self.lock();\n        let waker = state.forget(key, waiter);")],
    ),
    # How another thread wakes a child of a set.
    "childposted": (
        "a set takes a wake in, and does not say to the child's waker that the next one must come again",
        [(READY_SET, """\
            if child.key == key {
                child.unpost();
            }
""", "            let _ = child;\n")],
    ),
    "parentonce": (
        "a set that takes wakes in does not leave the parent's waker for the next one",
        [(READY_SET, "mem::replace(&mut list.parent, parent)", "{ drop(parent); list.parent.take() }")],
    ),
    # How a loop's thread leaves what it ended with.
    "leftlate": (
        "the drop of a loop gives up in a step after it looked whether the loop has ended",
        [(ENDING, """\
            Err(mut state) => {
                *state = State::Left;
""", """\
            Err(state) => {
                drop(state);
                *self.lock() = State::Left;
""")],
    ),
    "endsilent": (
        "a loop that has ended does not end the wait for it",
        [(ENDING, "        self.filled.notify_all();\n", "")],
    ),
    # How a job finds its thread.
    "sleepblind": (
        "a thread of the pool falls asleep though a job came after its last look",
        [(CREW, "        if !self.line.is_empty() {\n            return false;\n        }\n", "")],
    ),
    "leavecalled": (
        "a thread of the pool whose wait is over ends, though it was called meanwhile",
        [
            (WORKER, "            if !crew.is_asleep(self.seat) {", "            if !timed_out && !crew.is_asleep(self.seat) {"),
        ],
    ),
    "closequiet": (
        "the close of the pool does not notify the threads that sleep",
        [(POOL, "        asleep.iter().for_each(|thread| thread.notify_one());\n", "        drop(asleep);\n")],
    ),
    "admitclosed": (
        "a pool that is closed takes a job in",
        [(ADMIT, "        if crew.is_closed() {", "        if crew.is_closed() && crew.threads() == usize::MAX {")],
    ),
    "storeearly": (
        "the output is stored in a step before the one that frees the thread",
        [
            (
                WORKER,
                "            let mut crew = self.shared.lock();\n            let ended = store();\n",
                "            let ended = store();\n            let mut crew = self.shared.lock();\n",
            )
        ],
    ),
    "spinclosed": (
        "a thread begins to spin in a pool that is closed",
        [(CREW, "        if self.is_closed {\n            return None;\n        }\n        let spin", "        let spin")],
    ),
    "abortrunning": (
        "an abort ends a job that a thread has taken",
        [
            (
                JOB,
                "= taken.flatten() else { return };\n",
                "= taken.flatten() else {\n            drop(self.slot.fill(Err(why(Subject::Job(self.site)))));\n            return;\n        };\n",
            )
        ],
    ),
    # What another thread reads of a loop.
    "ringearly": (
        "home says that an event is complete before it writes it",
        [(RING, "        let event = self.begun.load(ordering!(ring_own: Relaxed));\n", "        let event = self.begun.load(ordering!(ring_own: Relaxed));\n        self.done.store(event + 1, ordering!(ring_done: Release));\n")],
    ),
    "ringlate": (
        "home says that it begins an event after it has written it",
        [
            (RING, "        self.begun.store(event + 1, ordering!(ring_begun: Relaxed));\n", ""),
            (RING, "        self.done.store(event + 1, ordering!(ring_done: Release));\n", "        self.begun.store(event + 1, ordering!(ring_begun: Relaxed));\n        self.done.store(event + 1, ordering!(ring_done: Release));\n"),
        ],
    ),
    "ringkept": (
        "a reader keeps the events that home may have overwritten meanwhile",
        [(RING, "        events.drain(..events.len().min((lost - oldest) as usize));\n", "        events.drain(..0);\n")],
    ),
    "ringfirst": (
        "a reader asks what home has overwritten before it copies",
        [
            (RING, "        let begun = self.begun.load(ordering!(ring_check: Relaxed));\n", ""),
            (RING, "        let written = self.written();\n", "        let written = self.written();\n        let begun = self.begun.load(ordering!(ring_check: Relaxed));\n"),
        ],
    ),
    "slabunchecked": (
        "a reader of a slot does not look again whose it is",
        [(SLAB, "(is_same && step % 2 == 1)", "(step % 2 == 1 || is_same && step % 2 == 1)")],
    ),
    "slabreused": (
        "a slot has the same number in the life of each task",
        [(SLAB, "        let next = self.own(&self.step) + 1;", "        let next = 1;"), (SLAB, "let next = self.own(&self.step).next_multiple_of(2);", "let next = 0;")],
    ),
    "slabunended": (
        "a slot goes to the next task before its number says so",
        [(SLAB, "        let next = self.own(&self.step).next_multiple_of(2);\n", "        let next = self.own(&self.step);\n"), (SLAB, "        let next = self.own(&self.step) + 1;", "        let next = self.own(&self.step) + 1 + self.own(&self.step) % 2;")],
    ),
    "slabearly": (
        "a slot says that it has a task before the task is written down",
        [(SLAB, "        self.write(&self.id, id.0);\n", "        self.step.store(self.own(&self.step) + 1, Ordering::Release);\n        self.write(&self.id, id.0);\n"), (SLAB, "        let next = self.own(&self.step) + 1;", "        let next = self.own(&self.step);"), (SLAB, "primitives::{AtomicU64,", "primitives::{Ordering, AtomicU64,")],
    ),
    "slicedropped": (
        "the end of a loop drops the function that lists its tasks, and the thread that asked is not told",
        [(ASK, "            question.tell(Found::Tasks(Vec::new()), Some(End::Dropped));", "            drop(question);")],
    ),
    "slicequiet": (
        "the loop lists its tasks and does not end the wait of the thread that asked",
        [(ASK, "        self.told.notify_one();\n", "")],
    ),
}
