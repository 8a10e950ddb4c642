//! What Linux says of a thread in `/proc`: whether it runs, waits for a core, or is blocked, and in which system call.
//!
//! A signal handler or ptrace could ask the thread itself. But a signal interrupts the system calls of the program that it
//! is to observe, and ptrace allows one tracer only, so that a debugger could not attach. `/proc` only reads. Elsewhere than
//! on Linux, and where `/proc` is not mounted or does not tell, each function here gives `None`.

#![forbid(unsafe_code)]

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

/// A thread of this process.
#[derive(Clone, Debug)]
pub(crate) struct Thread(PathBuf);

/// How the system's scheduler has treated a thread since it began.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Schedule {
    /// Had a core. The kernel adds to it when the thread leaves the core, and at each of its ticks: see [`TICK`].
    pub(crate) ran: Duration,
    /// Was ready, but had no core. The kernel adds to it when the thread gets one.
    pub(crate) waited: Duration,
    /// How often it was given a core.
    pub(crate) slices: u64,
}

/// The longest time between two ticks of any usual kernel (`CONFIG_HZ=100`).
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// What a thread does at this moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Act {
    /// It has a core, or is ready and waits for one.
    Runs,
    /// It waits in the kernel; in what, if that can be read.
    Blocked(Option<String>),
    /// A signal or a debugger has stopped it.
    Stopped,
}

impl Thread {
    /// The calling thread.
    pub(crate) fn current() -> Option<Self> {
        // A link to `PID/task/TID`. Both threads are of one process, so only the last part is of interest.
        let link = fs::read_link("/proc/thread-self").ok()?;
        Some(Self(PathBuf::from("/proc/self/task").join(link.file_name()?)))
    }

    fn read(&self, file: &str) -> Option<String> {
        fs::read_to_string(self.0.join(file)).ok()
    }

    /// `None` also where the kernel books what a thread runs about once a second, so that a thread which has the core alone looks like
    /// one without: on a machine with cores whose tick is off.
    pub(crate) fn schedule(&self) -> Option<Schedule> {
        static HAS_TICKS: LazyLock<bool> = LazyLock::new(|| {
            !fs::read_to_string("/sys/devices/system/cpu/nohz_full")
                .is_ok_and(|list| has_cores(&list))
        });
        if *HAS_TICKS { parse_schedule(&self.read("schedstat")?) } else { None }
    }

    pub(crate) fn act(&self) -> Option<Act> {
        Some(match parse_state(&self.read("stat")?)? {
            'R' => Act::Runs,
            'T' | 't' => Act::Stopped,
            _ => match self.read("syscall").as_deref().map(str::trim) {
                Some("running") => Act::Runs, // it was woken since
                Some(line) if !line.starts_with('-') => {
                    Act::Blocked(describe_call(line, target_of))
                }
                _ => Act::Blocked(self.read("wchan").and_then(|name| describe_wait(&name))),
            },
        })
    }
}

/// Has the kernel end the calling thread's sleeps in time. It may end them later by the timer slack, which a thread has from the one
/// that has started it: `Builder::timer_slack`, or that of the whole service, may be longer than a sleep.
pub(crate) fn sleep_in_time() {
    const USUAL: &str = "50000"; // ns
    if let Some(Thread(path)) = Thread::current() {
        // There alone, and not where the threads are: under the thread's number as if it were a process.
        let number = path.file_name().expect("its folder has a name");
        let _ = fs::write(PathBuf::from("/proc").join(number).join("timerslack_ns"), USUAL);
    }
}

/// The schedule of a thread that asks for its own again and again. To open the file takes eight times as long as to read it.
pub(crate) struct OwnSchedule(File);

impl OwnSchedule {
    /// That of the calling thread.
    pub(crate) fn current() -> Option<Self> {
        File::open("/proc/thread-self/schedstat").ok().map(Self)
    }

    pub(crate) fn read(&self) -> Option<Schedule> {
        let mut file = &self.0;
        file.seek(SeekFrom::Start(0)).ok()?; // the kernel writes it anew
        let mut line = [0; 64]; // three numbers of 20 digits at most
        let length = file.read(&mut line).ok()?;
        parse_schedule(std::str::from_utf8(&line[..length]).ok()?)
    }
}

/// `ran waited slices`, the first two in nanoseconds. A thread that reads this, or was seen to run, was given a core: a kernel that counts
/// none does not keep these numbers.
fn parse_schedule(line: &str) -> Option<Schedule> {
    let mut numbers = line.split_whitespace().map(str::parse::<u64>);
    let mut next = || numbers.next()?.ok();
    let (ran, waited) = (Duration::from_nanos(next()?), Duration::from_nanos(next()?));
    Some(Schedule { ran, waited, slices: next()? }).filter(|schedule| schedule.slices > 0)
}

/// A list of cores, as `1,4-7`. If there are none, it is empty or `(null)`.
fn has_cores(list: &str) -> bool {
    list.contains(|char: char| char.is_ascii_digit())
}

/// `TID (name) S ..`, where the name may contain anything, brackets and spaces too.
fn parse_state(line: &str) -> Option<char> {
    line.rsplit_once(") ")?.1.chars().next()
}

/// `number argument .. stack-pointer program-counter`, the number in decimal, the others in hexadecimal. `target` says what a
/// descriptor leads to.
fn describe_call(line: &str, target: impl Fn(u64) -> Option<String>) -> Option<String> {
    let mut words = line.split_whitespace();
    let number: i32 = words.next()?.parse().ok()?;
    let Some(call) = CALLS.iter().find(|call| call.number() == Some(number)) else {
        return Some(format!("system call {number}"));
    };
    let first =
        words.next().and_then(|word| u64::from_str_radix(word.strip_prefix("0x")?, 16).ok());
    let on = match call.first {
        First::Descriptor => first.and_then(target).map(|target| format!(" on {target:?}")),
        First::Other => None,
    };
    let note = call.note.map(|note| format!(" ({note})"));
    Some([call.name, &note.unwrap_or_default(), &on.unwrap_or_default()].concat())
}

/// The kernel's function in which the thread waits; "0" if the kernel does not say.
fn describe_wait(name: &str) -> Option<String> {
    let name = name.trim();
    (!name.is_empty() && name != "0").then(|| format!("the kernel's {name}"))
}

/// What a descriptor leads to: the path of a file, `pipe:[1234]`, `socket:[1234]`.
fn target_of(descriptor: u64) -> Option<String> {
    let link = fs::read_link(format!("/proc/self/fd/{descriptor}")).ok()?;
    Some(link.to_string_lossy().into_owned())
}

/// A system call that may block.
struct Call {
    name: &'static str,
    /// Its numbers on x86_64 and on aarch64; -1: that has no such call.
    numbers: [i32; 2],
    first: First,
    note: Option<&'static str>,
}

/// What its first argument is.
enum First {
    Descriptor,
    Other,
}

impl Call {
    const fn on(name: &'static str, x86_64: i32, aarch64: i32) -> Self {
        Self { first: First::Descriptor, ..Self::plain(name, x86_64, aarch64) }
    }

    const fn plain(name: &'static str, x86_64: i32, aarch64: i32) -> Self {
        Self { name, numbers: [x86_64, aarch64], first: First::Other, note: None }
    }

    const fn with_note(mut self, note: &'static str) -> Self {
        self.note = Some(note);
        self
    }

    fn number(&self) -> Option<i32> {
        let [x86_64, aarch64] = self.numbers;
        let number = match std::env::consts::ARCH {
            "x86_64" => x86_64,
            "aarch64" => aarch64,
            _ => -1,
        };
        (number >= 0).then_some(number)
    }
}

const LOCK: &str = "waits for a lock or another thread";

/// From the kernel's `syscall_64.tbl` and `asm-generic/unistd.h`. A call that is missing here is named by its number.
const CALLS: [Call; 59] = [
    Call::plain("futex", 202, 98).with_note(LOCK),
    Call::plain("futex_wait", 455, 455).with_note(LOCK),
    Call::plain("clock_nanosleep", 230, 115).with_note("sleeps"),
    Call::plain("nanosleep", 35, 101).with_note("sleeps"),
    Call::plain("wait4", 61, 260).with_note("waits for a process"),
    Call::plain("waitid", 247, 95).with_note("waits for a process"),
    Call::on("read", 0, 63),
    Call::on("write", 1, 64),
    Call::on("close", 3, 57),
    Call::on("ioctl", 16, 29),
    Call::on("pread64", 17, 67),
    Call::on("pwrite64", 18, 68),
    Call::on("readv", 19, 65),
    Call::on("writev", 20, 66),
    Call::on("preadv", 295, 69),
    Call::on("pwritev", 296, 70),
    Call::on("connect", 42, 203),
    Call::on("accept", 43, 202),
    Call::on("accept4", 288, 242),
    Call::on("sendto", 44, 206),
    Call::on("recvfrom", 45, 207),
    Call::on("sendmsg", 46, 211),
    Call::on("recvmsg", 47, 212),
    Call::on("recvmmsg", 299, 243),
    Call::on("sendmmsg", 307, 269),
    Call::on("shutdown", 48, 210),
    Call::on("fcntl", 72, 25),
    Call::on("flock", 73, 32),
    Call::on("fsync", 74, 82),
    Call::on("fdatasync", 75, 83),
    Call::on("sync_file_range", 277, 84),
    Call::on("ftruncate", 77, 46),
    Call::on("fallocate", 285, 47),
    Call::on("getdents64", 217, 61),
    Call::on("copy_file_range", 326, 285),
    Call::on("splice", 275, 76),
    Call::on("sendfile", 40, 71),
    Call::plain("open", 2, -1),
    Call::plain("openat", 257, 56),
    Call::plain("newfstatat", 262, 79),
    Call::plain("statx", 332, 291),
    Call::plain("unlinkat", 263, 35),
    Call::plain("renameat2", 316, 276),
    Call::plain("sync", 162, 81),
    Call::plain("msync", 26, 227),
    Call::plain("mmap", 9, 222),
    Call::plain("munmap", 11, 215),
    Call::plain("madvise", 28, 233),
    Call::plain("poll", 7, -1),
    Call::plain("ppoll", 271, 73),
    Call::plain("select", 23, -1),
    Call::plain("pselect6", 270, 72),
    Call::plain("epoll_wait", 232, -1),
    Call::plain("epoll_pwait", 281, 22),
    Call::plain("epoll_pwait2", 441, 441),
    Call::plain("io_uring_enter", 426, 426),
    Call::plain("pause", 34, -1),
    Call::plain("rt_sigtimedwait", 128, 137),
    Call::plain("getrandom", 318, 278),
];

#[cfg(all(test, not(loom)))]
#[path = "proc_tests.rs"]
mod tests;
