//! The live page: its files, and what it fetches.

#![forbid(unsafe_code)]

use std::io::{self, Read};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use super::answer::{Refusal, Text};
use super::http::{Policy, Refused, Request, Secret, send};
use super::loops::{Form, Loops};
use super::room::Patience;
use super::stream::{Stream, Timed};

/// How long a client may take for its request.
const ASKING: Duration = Duration::from_secs(5);

/// How long it may take for reading the answer, which can have a line for each of very many tasks.
const READING: Duration = Duration::from_secs(30);

/// How long an answered client may take to close.
const LEAVING: Duration = Duration::from_secs(1);

/// How long it waits in line for a long answer to be begun. The page gives up after 5 s.
const PATIENCE: Duration = Duration::from_secs(4);

/// An answer: its code, its type, what the browser may do with it, its text.
type Answer<'a> = (&'static str, &'static str, Policy, Text<'a>);

const OK: &str = "200 OK";
const NOT_FOUND: &str = "404 Not Found";
const BUSY: &str = "503 Service Unavailable";

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
            let patience = Patience { limit: PATIENCE, is_gone: &|| stream.stream.is_gone() };
            find(loops, path, query, &patience)
        });
        stream.set_limit(READING);
        match answer {
            Ok((code, kind, policy, text)) => send(stream, code, kind, policy, text)?,
            Err(Refused(code, why)) => send(stream, code, "text/plain", Policy::Own, why.into())?,
        }
        // To close while bytes wait to be read would take back what was sent. So it reads on, a little.
        stream.stream.shut_down(Shutdown::Write);
        stream.set_limit(LEAVING);
        io::copy(&mut stream.take(64 * 1024), &mut io::sink()).map(drop)
    }
}

fn find<'a>(
    loops: &'a Loops,
    path: &str,
    query: &str,
    patience: &Patience<'_>,
) -> Result<Answer<'a>, Refused> {
    let number = query.strip_prefix("loop=").and_then(|number| number.parse().ok());
    let file = |kind, text: &'static str| Ok((OK, kind, Policy::Own, text.into()));
    let told = |kind, policy, told: Result<Text<'a>, Refusal>| match told {
        Ok(text) => Ok((OK, kind, policy, text)),
        Err(why) => {
            let code = if matches!(why, Refusal::Busy) { BUSY } else { NOT_FOUND };
            Ok((code, "text/plain", Policy::Own, why.to_string().into()))
        }
    };
    match path {
        "" => file("text/html", include_str!("page.html")),
        "page.css" => file("text/css", include_str!("page.css")),
        "page.js" => file("text/javascript", include_str!("page.js")),
        "state" => {
            let state = loops.state().map(Text::from).map_err(Refusal::from);
            told("application/json", Policy::Own, state)
        }
        "dump" => {
            let dump = loops.dump(Form::Json, number, patience);
            told("application/json", Policy::Own, dump)
        }
        "trace" => told("text/html", Policy::Apart, loops.trace(None, number, patience)),
        _ => Err(Refused(NOT_FOUND, "there is no such page")),
    }
}
