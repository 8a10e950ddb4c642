"""Errors in the protocol, for `.ci/orderings` to plant in a copy of the sources: what each is, and its changes as
(file, old text, new text). The old text must be there exactly once."""

COUNT = "executor/task/count.rs"
INBOX = "executor/task/inbox.rs"
HUB = "executor/task/hub.rs"
CLOSE = "executor/task/hub/close.rs"
TURNS = "executor/task/hub/turns.rs"
RUN = "executor/run.rs"
REMOTE = "executor/task/remote.rs"
TOKENS = "common/tokens.rs"

ON_THE_SPOT = "if local + self.word.load(order::retire_look()) == 0 {"
RETIRE = """\
        let word = self.word.fetch_add(local + RETIRED, order::retire());
        if local + word == 0 {"""
MARK = "        self.word.fetch_or(flags, order::win_queued()) & QUEUED == 0"
LATE_LINK = """\
        if self.0.addr() & 1 == 1 {
            let last = self.0.map_addr(|address| address & !1);
            self.0 = unsafe { (*last).link.with_mut(|link| *link) };
        }
        let task = TaskPtr::new(self.0)?;
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
        [(COUNT, ON_THE_SPOT, "if local + (self.word.load(order::retire_look()) & -ONE) == 0 {")],
    ),
    "flagfirst": (
        "retired in two steps: the flag, then the count",
        [
            (
                COUNT,
                RETIRE,
                """\
        self.word.fetch_or(RETIRED, order::retire());
        let word = self.word.fetch_add(local, order::retire());
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
        [(COUNT, "self.local.replace(0) as isize;\n        self.word.fetch_add", "self.local.get() as isize;\n        self.word.fetch_add")],
    ),
    "hubafter": (
        "a waker is given up first, then its task is pushed through the hub",
        [
            (
                "executor/task/waker.rs",
                """\
            wake_away(task);
            count(task).away_dec()""",
                """\
            let (won, hub_of) = (count(task).win_queued(), hub_of(task));
            let fate = count(task).away_dec();
            if won {
                hub(hub_of).push_away(task);
            }
            fate""",
            )
        ],
    ),
    "homeanywhere": (
        "every place is taken for home",
        [("executor/task/entry.rs", "INSIDE.with(|inside| ptr::eq(inside.get(), hub.as_ptr()))", "_ = hub; true")],
    ),
    # How it is woken.
    "skiprmw": (
        "no read-modify-write when QUEUED is seen set",
        [(COUNT, MARK, "if self.word.load(order::retire_look()) & flags == flags { return false; }\n" + MARK)],
    ),
    "skippush": (
        "a winner of QUEUED does not push a task that has retired",
        [(COUNT, MARK, MARK.replace("& QUEUED", "& (QUEUED | RETIRED)"))],
    ),
    "nextlate": (
        "the link is read after QUEUED is cleared",
        [
            (
                INBOX,
                """\
        let task = TaskPtr::new(self.0)?;
        // SAFETY: (LINK) still QUEUED, so still the drain's; read before the caller clears QUEUED.
        self.0 = unsafe { (*task.as_ptr()).link.with_mut(|link| *link) };
        Some(task)""",
                LATE_LINK,
            )
        ],
    ),
    "lastfirst": (
        "the batch is not reversed",
        [(INBOX, "        while !last.is_null() {", "        if !last.is_null() { return Self(last); }\n        while !last.is_null() {")],
    ),
    "nointerval": (
        "no look while a task is ready",
        [
            (
                RUN,
                """\
        if left == 0 || !self.hub.turn() {
            return false;
        }
        self.turns_left.set(left - 1);""",
                """\
        if !self.hub.turn() {
            return false;
        }
        self.turns_left.set(left);""",
            )
        ],
    ),
    "yieldfront": (
        "a task that yields goes to the front of the queue",
        [
            (
                TURNS,
                """\
                    if count(task).end_pending() == Wake::Push {
                        self.queue.push(task);""",
                """\
                    if count(task).end_pending() == Wake::Push {
                        self.queue.push_front(task);""",
            ),
            (
                "executor/task/queue.rs",
                "    /// The task whose turn it is;",
                """\
    pub(super) fn push_front(&self, task: TaskPtr) {
        let next = self.head.replace(Some(task));
        unsafe { (*task.as_ptr()).next_run.set(next) };
        if next.is_none() {
            self.tail.set(Some(task));
        }
    }

    /// The task whose turn it is;""",
            ),
        ],
    ),
    # How home sleeps.
    "parkblind": (
        "parks without looking at the list in the same step",
        [
            (
                INBOX,
                "        self.head.compare_exchange(ptr::null_mut(), PARKED, order::park()).is_ok()",
                """\
        let empty = self.head.load(order::drain_look()).is_null();
        if empty {
            self.head.swap(PARKED, order::park());
        }
        empty""",
            )
        ],
    ),
    "nounpark": (
        "who replaces PARKED does not unpark",
        [(INBOX, "            silence(|| self.unparker.unpark());", "")],
    ),
    "stepawake": (
        "a step says that no task is ready, and does not park",
        [(RUN, "if !self.hub.has_ready() && self.hub.park() {", "if !self.hub.has_ready() {")],
    ),
    "deadlinedeaf": (
        "`next_deadline` does not ask whether home is parked",
        [(RUN, "Ok(driver) if self.hub.is_parked() && !self.hub.has_ready() => {", "Ok(driver) if !self.hub.has_ready() => {")],
    ),
    "stopquiet": (
        "a stop does not unpark",
        [(REMOTE, "        silence(|| self.hub().inbox.unparker.unpark());", "")],
    ),
    "stopforgot": (
        "a stop that came before the run is forgotten",
        [
            (
                RUN,
                "|| self.run_until(|| self.hub.take_stop())",
                "|| { self.hub.take_stop(); self.run_until(|| self.hub.take_stop()) }",
            )
        ],
    ),
    # How it is aborted.
    "abortlate": (
        "ABORT is set in a step after QUEUED",
        [(COUNT, "        self.mark(QUEUED | ABORT)", "        let won = self.mark(QUEUED);\n        let _ = self.mark(ABORT);\n        won")],
    ),
    "abortloser": (
        "who loses QUEUED does not abort",
        [(COUNT, "        self.mark(QUEUED | ABORT)", "        self.mark(QUEUED) && { let _ = self.mark(ABORT); true }")],
    ),
    "abortkept": (
        "the drain leaves ABORT behind",
        [(COUNT, "self.word.fetch_and(!(QUEUED | ABORT), order::unqueue())", "self.word.fetch_and(!QUEUED, order::unqueue())")],
    ),
    "abortbehind": (
        "`RemoteHandle::abort` wakes before it says so",
        [
            (
                "threads/remote_handle.rs",
                """\
        if self.slot.note(|aborted| *aborted = true).is_some() {
            self.task.wake_by_ref();
        }""",
                """\
        self.task.wake_by_ref();
        self.slot.note(|aborted| *aborted = true);""",
            ),
        ],
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
    # How it ends.
    "keepqueued": (
        "QUEUED is kept when the inbox is closed",
        [(HUB, "                count(task).let_go();", "")],
    ),
    "closeblind": (
        "what is in the inbox at the close is not taken in",
        [(CLOSE, "            self.take(self.inbox.close());", "            let _ = self.inbox.close();")],
    ),
    "unseenkept": (
        "the memory of a task that a closed inbox refuses is not freed",
        [("executor/task/cell.rs", "        bury(task).release(task.cast());\n", "")],
    ),
    # What a virtual clock must not jump over.
    "holdlate": (
        "a look takes the inbox in first, and sees that nothing holds the clock then",
        [
            (
                RUN,
                """\
        driver.wait(limit);
        self.hub.take_in(); // after the wait, and before a clock may move: see `common/tokens.rs`
""",
                """\
        self.hub.take_in();
        driver.wait(limit);
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
        [("executor/task/bits.rs", " || self.is_queued() => State::Ready", " => State::Ready")],
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
                "        let _ = unsafe { self.hub().describe(task) };\n        // SAFETY: (LAST) the push failed",
            )
        ],
    ),
    "callforgotten": (
        "the end of the executor does not call what it takes in",
        [(CLOSE, "Turn::Poll if !count(task).is_listed() => self.poll(task),", "")],
    ),
}
