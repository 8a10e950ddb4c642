//! The lines of `/proc` are read as the kernel writes them; and where it is Linux, what it says of real threads.

use std::time::Duration;

use super::{Schedule, describe_call, describe_wait, has_cores, parse_schedule, parse_state};

fn pipe(descriptor: u64) -> Option<String> {
    (descriptor == 3).then(|| "pipe:[7]".to_owned())
}

#[test]
fn a_schedule_has_two_times_and_a_number() {
    let (ran, waited) = (Duration::from_nanos(1_234_700), Duration::from_nanos(26));
    let schedule = Schedule { ran, waited, slices: 5 };
    assert_eq!(parse_schedule("1234700 26 5\n"), Some(schedule));
    assert_eq!(parse_schedule("1234700 26\n"), None);
    assert_eq!(parse_schedule("\n"), None);
    assert_eq!(parse_schedule("0 0 0\n"), None, "the kernel does not count");
}

#[test]
fn a_list_of_cores_has_some_or_none() {
    assert_eq!(
        ["", "\n", "(null)\n", "1\n", "2-5,7\n"].map(has_cores),
        [false, false, false, true, true]
    );
}

#[test]
fn the_state_comes_after_the_name_whatever_that_is() {
    assert_eq!(parse_state("25181 (sleep) S 25174 25174 0"), Some('S'));
    assert_eq!(parse_state("1 (a) R (b) ) D 2 3"), Some('D'));
    assert_eq!(parse_state("1 (a"), None);
}

#[test]
fn a_kernel_function_is_named_if_the_kernel_tells() {
    assert_eq!(describe_wait("futex_do_wait").as_deref(), Some("the kernel's futex_do_wait"));
    assert_eq!(describe_wait("0"), None);
    assert_eq!(describe_wait(""), None);
}

#[test]
fn a_call_that_no_table_has_is_named_by_its_number() {
    let line = "9999 0x3 0x0 0x0 0x0 0x0 0x0 0x7ffe 0x7f16";
    assert_eq!(describe_call(line, pipe).as_deref(), Some("system call 9999"));
    assert_eq!(describe_call("", pipe), None);
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
#[test]
fn a_call_is_named_with_what_its_descriptor_leads_to() {
    let on_x86_64 = cfg!(target_arch = "x86_64");
    let call = |x86_64: u32, aarch64: u32, arguments: &str| {
        let number = if on_x86_64 { x86_64 } else { aarch64 };
        describe_call(&format!("{number} {arguments} 0x7ffe 0x7f16"), pipe).unwrap()
    };
    assert_eq!(call(0, 63, "0x3 0x0 0x0 0x0 0x0 0x0"), "read on \"pipe:[7]\"");
    assert_eq!(call(0, 63, "0x4 0x0 0x0 0x0 0x0 0x0"), "read"); // closed meanwhile
    assert_eq!(call(7, 73, "0x3 0x0 0x0 0x0 0x0 0x0"), if on_x86_64 { "poll" } else { "ppoll" });
    let lock = "futex (waits for a lock or another thread)";
    assert_eq!(call(202, 98, "0x3 0x0 0x0 0x0 0x0 0x0"), lock);
    assert_eq!(call(230, 115, "0x0 0x0 0x0 0x0 0x0 0x0"), "clock_nanosleep (sleeps)");
}

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod real {
    use std::io::{Read, Write};
    use std::process::{Command, Stdio};
    use std::sync::mpsc;
    use std::thread;

    use super::super::{Act, OwnSchedule, Thread};

    /// What the system says in the end: a thread that will block runs until then.
    fn blocked_in(thread: &Thread) -> String {
        loop {
            match thread.act() {
                Some(Act::Blocked(Some(place))) => return place,
                Some(_) => thread::yield_now(),
                None => panic!("/proc does not tell"),
            }
        }
    }

    #[test]
    fn a_thread_that_reads_a_pipe_is_blocked_in_read_on_that_pipe() {
        let mut cat = Command::new("cat");
        let mut cat = cat.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (mut reader, mut writer) = (cat.stdout.take().unwrap(), cat.stdin.take().unwrap());
        let (tell, told) = mpsc::channel();
        let thread = thread::spawn(move || {
            tell.send(Thread::current().unwrap()).unwrap();
            reader.read_exact(&mut [0]).unwrap();
        });
        let reading = told.recv().unwrap();
        let place = loop {
            let place = blocked_in(&reading);
            if !place.starts_with("futex") {
                break place; // not the channel's lock any more
            }
        };
        assert!(place.starts_with("read on \"pipe:["), "{place}");
        writer.write_all(b"x").unwrap();
        thread.join().unwrap();
        assert_eq!(reading.act(), None, "it has ended");
        drop(writer);
        assert!(cat.wait().unwrap().success());
    }

    #[test]
    fn an_open_schedule_is_read_as_it_is_now() {
        let (this, own) = (Thread::current().unwrap(), OwnSchedule::current().unwrap());
        let waited = || this.schedule().unwrap().waited;
        for _ in 0..2 {
            let (before, read, after) = (waited(), own.read().unwrap(), waited());
            assert!((before..=after).contains(&read.waited));
            while own.read().unwrap().ran == read.ran {}
        }
    }

    #[test]
    fn this_thread_runs_and_its_schedule_goes_up() {
        let this = Thread::current().unwrap();
        assert_eq!(this.act(), Some(Act::Runs));
        let before = this.schedule().unwrap();
        while this.schedule().unwrap().ran == before.ran {}
    }
}
