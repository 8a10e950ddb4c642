//! The consumer: reads the source, decodes, and hands what it has to the server's loop.
//!
//! It has a loop of its own. Reading blocks, so it is a job of that loop's pool. Decoding computes, so it would keep the server
//! from its clients. What it has goes to the server's loop by that loop's [`Handle`].

#![forbid(unsafe_code)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use taketurns::cancel::CancellationToken;
use taketurns::time::sleep;
use taketurns::{Handle, JoinError, spawn_blocking};

use super::decode::decode_lines;
use super::feed::{Feed, News};
use super::source::Source;

/// Reads until it is asked to stop; returns how many bytes of an unfinished line it has then.
///
/// # Errors
///
/// The server's loop, or the pool of this one, has ended.
pub(crate) async fn consume(
    mut source: Source,
    server_loop: Handle,
    reads: Arc<AtomicU64>,
    stop: CancellationToken,
) -> Result<usize, JoinError> {
    let mut backoff = Backoff::default();
    while !stop.is_cancelled() {
        reads.fetch_add(1, Ordering::Relaxed);
        let read;
        (source, read) = spawn_blocking(move || {
            let read = source.read();
            (source, read)
        })
        .await?;
        let mut news = Vec::new();
        let mut pause = Duration::ZERO;
        match read {
            Ok(batch) => {
                if backoff.reset() {
                    news.push(News::Reading);
                }
                if batch.is_new_file {
                    news.push(News::NewFile);
                }
                let (messages, malformed, last) = decode_lines(batch.lines);
                news.extend(messages.into_iter().map(|message| News::Message("source", message)));
                news.extend(last.map(|last| News::Malformed { count: malformed, last }));
            }
            Err(error) => {
                pause = backoff.next();
                news.push(News::Failed { error: error.to_string(), pause });
            }
        }
        if !news.is_empty() {
            // The future is made on the server's loop, so it may hold what never leaves that thread. And its end is awaited,
            // so the next read waits until the feed has room.
            server_loop.spawn_with(move || async move { Feed::here().take(news).await }).await?;
        }
        if !pause.is_zero() {
            let _ = stop.run_until_cancelled(sleep(pause)).await;
        }
    }
    Ok(source.unfinished())
}

/// How long to wait before a failed source is tried again: twice as long each time, up to a limit.
#[derive(Default)]
struct Backoff {
    /// Zero: it has not failed since the last success.
    last: Duration,
}

impl Backoff {
    const FIRST: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_secs(5);

    fn next(&mut self) -> Duration {
        self.last = (self.last * 2).clamp(Self::FIRST, Self::LONGEST);
        self.last
    }

    /// Whether there was a failure to forget.
    fn reset(&mut self) -> bool {
        !std::mem::take(&mut self.last).is_zero()
    }
}
