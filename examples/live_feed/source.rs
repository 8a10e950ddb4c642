//! The source of the messages: a file that grows, or a FIFO. It stands in for a message queue whose client library blocks.
//!
//! A plain `read` of a FIFO blocks until a writer writes, so a program that waits in it could not be asked to end. So each
//! call here waits [`SLICE`] at most, and its caller decides whether to call again. That bounds the calls, too: a source
//! without messages is asked ten times a second.

#![forbid(unsafe_code)]

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read, Seek};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};

use super::lines::{Line, Lines};

/// The longest wait of one [`Source::read`].
pub(crate) const SLICE: Duration = Duration::from_millis(100);

/// The most bytes of one [`Source::read`].
const CHUNK: usize = 64 * 1024;

/// What one [`Source::read`] brought. No line: none came within the time.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) lines: Vec<Line>,
    /// The file was truncated, or another one has its name: it is read from its beginning again. A truncation shows only
    /// while the file is shorter than what was read of it.
    pub(crate) is_new_file: bool,
}

pub(crate) struct Source {
    path: PathBuf,
    /// `None` until it could be opened.
    open: Option<Open>,
    lines: Lines,
}

impl Source {
    pub(crate) fn new(path: PathBuf) -> Self {
        Source { path, open: None, lines: Lines::default() }
    }

    /// The next lines. Blocks until there are some, for [`SLICE`] at most.
    ///
    /// # Errors
    ///
    /// Why the source cannot be read now. The place in it is kept, and so is a line of which a part was read: a later call
    /// goes on there. A FIFO that its last writer has closed is such an error.
    pub(crate) fn read(&mut self) -> io::Result<Batch> {
        let open = match &mut self.open {
            Some(open) if !open.is_left => open,
            // The old one is closed after the new one is open: a FIFO without a reader forgets what is in it.
            open => open.insert(Open::new(&self.path)?),
        };
        if open.is_stream && !open.is_readable()? {
            return Ok(Batch::default());
        }
        let mut chunk = vec![0; CHUNK];
        let len = match open.file.read(&mut chunk) {
            Ok(len) => len,
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) =>
            {
                return Ok(Batch::default());
            }
            Err(error) => return Err(error),
        };
        if len == 0 {
            return self.at_the_end();
        }
        open.position += len as u64;
        Ok(Batch { lines: self.lines.push(&chunk[..len]), is_new_file: false })
    }

    fn at_the_end(&mut self) -> io::Result<Batch> {
        let open = self.open.as_mut().expect("it was read just now");
        if open.is_stream {
            open.is_left = true;
            return Err(io::Error::new(ErrorKind::UnexpectedEof, "the writer has closed it"));
        }
        let named = fs::metadata(&self.path)?;
        if identity(&named) != open.identity {
            // Its writer may have written to the old file until it was renamed: read that to its end once more.
            if !open.is_replaced {
                open.is_replaced = true;
                return Ok(Batch::default());
            }
            *open = Open::new(&self.path)?;
        } else if named.len() < open.position {
            open.file.rewind()?;
            open.position = 0;
        } else {
            thread::sleep(SLICE);
            return Ok(Batch::default());
        }
        // No more of an unfinished line will come.
        Ok(Batch { lines: self.lines.finish().into_iter().collect(), is_new_file: true })
    }

    /// How many bytes of a line were read without its end.
    pub(crate) fn unfinished(&self) -> usize {
        self.lines.unfinished()
    }
}

struct Open {
    file: File,
    /// A FIFO, or a device: it has no place, and `poll(2)` waits for it. A file is always readable, at its end too.
    is_stream: bool,
    /// The FIFO has no writer any more. To wait for the next one it must be opened anew.
    is_left: bool,
    identity: (u64, u64),
    /// Another file has the name now.
    is_replaced: bool,
    position: u64,
}

impl Open {
    fn new(path: &Path) -> io::Result<Self> {
        // Otherwise opening a FIFO waits for a writer.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
        let data = file.metadata()?;
        Ok(Open {
            file,
            is_stream: !data.is_file() && !data.is_dir(),
            is_left: false,
            identity: identity(&data),
            is_replaced: false,
            position: 0,
        })
    }

    /// Waits for a writer or its end, for [`SLICE`] at most.
    fn is_readable(&self) -> io::Result<bool> {
        let slice = Timespec::try_from(SLICE).expect("a tenth of a second fits");
        match poll(&mut [PollFd::new(&self.file, PollFlags::IN)], Some(&slice)) {
            Ok(ready) => Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

fn identity(data: &Metadata) -> (u64, u64) {
    (data.dev(), data.ino())
}
