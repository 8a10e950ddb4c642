//! Where the sockets are: one for each process, in a folder that only its user can enter.
//!
//! A socket in the temporary folder would be there for every user, and any user could put one there in this one's name.
//! So the sockets are in a folder of the user's own: `$XDG_RUNTIME_DIR/taketurns`, or else `taketurns-UID` in the temporary
//! folder. It is made with mode 0700. If it is there already, it has to be a folder (no symbolic link), to belong to this
//! user, and to be closed to others; otherwise it is not used.

#![forbid(unsafe_code)]

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{self, Path, PathBuf};
use std::{env, process};

/// A listening socket under the name of this process. The name is removed when this is dropped.
pub(super) struct Place {
    path: PathBuf,
    /// The file that this process has made there. Its number goes to no other file while the listener lives.
    made: FileId,
    /// After a `fork` the child has this value too, but the name is its parent's.
    pid: u32,
}

/// A file, whatever its name: the device, and its number there.
type FileId = (u64, u64);

fn file_at(path: &Path) -> io::Result<FileId> {
    let found = fs::symlink_metadata(path)?;
    Ok((found.dev(), found.ino()))
}

impl Place {
    /// Listens in the first folder that can be used.
    pub(super) fn take() -> io::Result<(Self, UnixListener)> {
        let mut failed = None;
        for folder in socket_folders()? {
            match own(&folder).and_then(|()| Self::take_in(&folder)) {
                Ok(taken) => return Ok(taken),
                Err(error) => failed = Some(with_path(&folder, &error)),
            }
        }
        Err(failed.expect("there is at least the temporary folder"))
    }

    /// The socket is made under another name, gets its mode, and then its name. So whatever the umask is, the name never
    /// leads to a socket that others could use, or to one that does not listen yet.
    fn take_in(folder: &Path) -> io::Result<(Self, UnixListener)> {
        let pid = process::id();
        let path = folder.join(format!("{pid}.sock"));
        remove_dead(folder, is_dead);
        if path.exists() {
            let text = "a process with this pid serves here already: of another container, or by another copy of this crate";
            return Err(io::Error::new(ErrorKind::AddrInUse, text));
        }
        let new = folder.join(format!("{pid}.new"));
        let _ = fs::remove_file(&new); // of an earlier process that was killed right here
        let listener = UnixListener::bind(&new)?;
        fs::set_permissions(&new, Permissions::from_mode(0o600))?;
        let made = file_at(&new)?;
        fs::rename(&new, &path)?;
        Ok((Self { path, made, pid }, listener))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether its name still leads to it: a program that tidies up may have removed it.
    pub(super) fn is_there(&self) -> bool {
        file_at(&self.path).is_ok_and(|found| found == self.made)
    }

    /// Not after a `fork`, in the child.
    pub(super) fn is_ours(&self) -> bool {
        self.pid == process::id()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.is_ours() && self.is_there() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The sockets of this user's processes that serve, each with its pid, in the order of the pids.
///
/// To connect to one is to ask its process; [`serve`](super::serve()) has the protocol. Sockets of processes that have died
/// are left out. Another process may end at any time, so a socket that is listed here may be gone a moment later.
///
/// # Errors
///
/// When the system does not say which user this is.
///
/// ```
/// for (pid, path) in taketurns::insight::sockets()? {
///     println!("{pid}: {}", path.display());
/// }
/// # std::io::Result::Ok(())
/// ```
pub fn sockets() -> io::Result<Vec<(u32, PathBuf)>> {
    let uid = uid()?;
    let usable = socket_folders()?.into_iter().filter(|folder| check(folder, uid).is_ok());
    let mut found: Vec<_> = usable.flat_map(|folder| listed(&folder)).collect();
    found.retain(|(_, path)| !is_dead(path));
    found.sort();
    Ok(found)
}

/// The user as whom this process makes what it makes.
pub(super) fn uid() -> io::Result<u32> {
    let (one, _other) = UnixStream::pair()?; // it belongs to the user who makes it
    Ok(File::from(OwnedFd::from(one)).metadata()?.uid())
}

/// Where [`sockets`] looks, the best folder first: `$XDG_RUNTIME_DIR/taketurns`, and `taketurns-UID` in the temporary folder.
///
/// A process that serves may have another environment, and so be in neither.
///
/// # Errors
///
/// When the system does not say which user this is, or in which folder it is.
///
/// ```
/// for folder in taketurns::insight::socket_folders()? {
///     println!("{}", folder.display()); // /run/user/1000/taketurns
/// }
/// # std::io::Result::Ok(())
/// ```
pub fn socket_folders() -> io::Result<Vec<PathBuf>> {
    let runtime = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let runtime = runtime.filter(|path| path.is_absolute()).map(|path| path.join("taketurns"));
    // Absolute, as the program may change its folder before the socket is removed.
    let temporary = path::absolute(env::temp_dir())?.join(format!("taketurns-{}", uid()?));
    Ok(runtime.into_iter().chain([temporary]).collect())
}

/// Makes the folder, or checks the one that is there.
fn own(folder: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => check(folder, uid()?),
        done => done,
    }
}

/// Whether only this user can have put something into the folder.
pub(super) fn check(folder: &Path, uid: u32) -> io::Result<()> {
    let found = fs::symlink_metadata(folder)?;
    let refuse = |why: &str| Err(io::Error::new(ErrorKind::PermissionDenied, why));
    if !found.is_dir() {
        refuse("it is not a folder (a symbolic link is not followed)")
    } else if found.uid() != uid {
        refuse("it belongs to another user")
    } else if found.mode() & 0o077 != 0 {
        refuse("it is open to other users (it has to have mode 0700)")
    } else {
        Ok(())
    }
}

fn listed(folder: &Path) -> Vec<(u32, PathBuf)> {
    let pid = |path: &Path| path.file_stem()?.to_str()?.parse().ok();
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let sockets = entries.filter(|path| path.extension().is_some_and(|end| end == "sock"));
    sockets.filter_map(|path| Some((pid(&path)?, path))).collect()
}

/// Whether no process listens there: the one that did has died without removing it.
pub(super) fn is_dead(path: &Path) -> bool {
    try_connect(path).is_err_and(|error| {
        matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::NotFound)
    })
}

/// Without waiting: a process that is stopped accepts nothing, and `connect` would wait for it once enough clients do.
fn try_connect(path: &Path) -> io::Result<()> {
    use rustix::io::{FdFlags, fcntl_setfd};
    use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, connect, socket};
    let stream = UnixStream::from(socket(AddressFamily::UNIX, SocketType::STREAM, None)?);
    fcntl_setfd(&stream, FdFlags::CLOEXEC)?;
    stream.set_nonblocking(true)?;
    Ok(connect(&stream, &SocketAddrUnix::new(path)?)?)
}

/// Removes the sockets of processes that have died.
///
/// Between the look and the removal a process that got the same pid may put its own socket there. So a name that looks dead is
/// first moved aside, and what is found there is looked at again: only this process knows that name.
pub(super) fn remove_dead(folder: &Path, is_dead: impl Fn(&Path) -> bool) {
    for (pid, path) in listed(folder).into_iter().filter(|(_, path)| is_dead(path)) {
        let aside = folder.join(format!("{pid}.dead-{}", process::id()));
        if fs::rename(&path, &aside).is_ok() {
            let _ =
                if is_dead(&aside) { fs::remove_file(&aside) } else { fs::rename(&aside, &path) };
        }
    }
}

fn with_path(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
