//! Which users are answered.

#![forbid(unsafe_code)]

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

use super::lines::serve_to;
use super::loops::Loops;
use super::place::uid;

/// What a client gets that is this user.
fn answer(ours: io::Result<u32>, theirs: io::Result<u32>) -> String {
    let (mut client, server) = UnixStream::pair().unwrap();
    client.write_all(b"page\n").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    serve_to(&Loops::default(), server, &|| (), ours, theirs);
    let mut answer = String::new();
    match client.read_to_string(&mut answer) {
        Ok(_) => answer,
        Err(error) => format!("{:?}", error.kind()),
    }
}

#[test]
fn only_the_programs_own_user_is_answered() {
    let unknown = || Err(ErrorKind::Other.into());
    assert_eq!(answer(Ok(1000), Ok(1000)), "error there is no page: `Serve::http`\n");
    for (ours, theirs) in [
        (Ok(1000), Ok(1001)),
        (Ok(1000), Ok(0)),
        (Ok(0), Ok(1000)),
        (unknown(), Ok(1000)),
        (Ok(1000), unknown()),
        (unknown(), unknown()),
    ] {
        let told = format!("{ours:?}, {theirs:?}");
        // Closed with the question unread: Linux says so, other systems may only say that it is closed.
        assert!(["ConnectionReset", ""].contains(&&*answer(ours, theirs)), "{told}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_user_on_the_other_side_is_the_one_that_connected() {
    let (one, _other) = UnixStream::pair().unwrap();
    assert_eq!(super::lines::peer(&one).unwrap(), uid().unwrap());
}
