//! The live page: its files, and what it fetches.

#![forbid(unsafe_code)]

use std::io::{self, Read};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use super::http::{Policy, Refused, Request, Secret, send};
use super::loops::{Form, Loops};
use super::stream::{Stream, Timed};

/// How long a client may take for its request.
const ASKING: Duration = Duration::from_secs(5);

/// How long it may take for reading the answer, which can have a line for each of very many tasks.
const READING: Duration = Duration::from_secs(30);

/// How long an answered client may take to close.
const LEAVING: Duration = Duration::from_secs(1);

/// An answer: its code, its type, what the browser may do with it, its text.
type Answer = (&'static str, &'static str, Policy, String);

const OK: &str = "200 OK";
const NOT_FOUND: &str = "404 Not Found";

/// Where the page is.
pub(super) struct Page {
    pub(super) address: SocketAddr,
    pub(super) secret: Secret,
}

impl Page {
    /// Answers one request. Errors of the stream end it: the client is gone, or too slow.
    pub(super) fn serve(&self, loops: &Loops, stream: TcpStream, has_asked: &dyn Fn()) {
        let _ = self.answer(loops, &mut Timed::new(stream, ASKING), has_asked);
    }

    fn answer(
        &self,
        loops: &Loops,
        stream: &mut Timed<TcpStream>,
        has_asked: &dyn Fn(),
    ) -> io::Result<()> {
        let request = Request::read(stream)?;
        let answer = request.and_then(|request| {
            let (path, query) = request.check(self.address, &self.secret)?;
            has_asked();
            find(loops, path, query)
        });
        stream.set_limit(READING);
        match answer {
            Ok((code, kind, policy, text)) => send(stream, code, kind, policy, &text)?,
            Err(Refused(code, why)) => send(stream, code, "text/plain", Policy::Own, why)?,
        }
        // To close while bytes wait to be read would take back what was sent. So it reads on, a little.
        stream.stream.shut_down(Shutdown::Write);
        stream.set_limit(LEAVING);
        io::copy(&mut stream.take(64 * 1024), &mut io::sink()).map(drop)
    }
}

fn find(loops: &Loops, path: &str, query: &str) -> Result<Answer, Refused> {
    let number = query.strip_prefix("loop=").and_then(|number| number.parse().ok());
    let file = |kind, text: &str| Ok((OK, kind, Policy::Own, text.to_owned()));
    let told = |kind, policy, told: Result<String, String>| match told {
        Ok(text) => Ok((OK, kind, policy, text)),
        Err(why) => Ok((NOT_FOUND, "text/plain", Policy::Own, why)),
    };
    match path {
        "" => file("text/html", include_str!("page.html")),
        "page.css" => file("text/css", include_str!("page.css")),
        "page.js" => file("text/javascript", include_str!("page.js")),
        "state" => told("application/json", Policy::Own, loops.state()),
        "dump" => {
            let dump = loops.dump(Form::Json, number);
            told("application/json", Policy::Own, dump)
        }
        "trace" => told("text/html", Policy::Apart, loops.trace(None, number)),
        _ => Err(Refused(NOT_FOUND, "there is no such page")),
    }
}
