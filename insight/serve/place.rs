//! Where the sockets are: one for each process, in a folder that only its user can enter.
//!
//! A socket in the temporary folder would be there for every user, and any user could put one there in this one's name.
//! So the sockets are in a folder of the user's own: `$XDG_RUNTIME_DIR/taketurns`, or else `taketurns-UID` in the temporary
//! folder. It is made with mode 0700. If it is there already, it has to be a folder (no symbolic link), to belong to this
//! user, and to be closed to others; otherwise it is not used.
//!
//! A user who may write into the folder above could move it away between that look and the next step, and put another in its
//! place. So the folder above is looked at first ([`Candidate::check_above`]), by processes that serve and by those that ask.

#![forbid(unsafe_code)]

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
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
        let uid = uid()?;
        let (mut kind, mut failed) = (ErrorKind::Other, Vec::new());
        for candidate in candidates(uid) {
            let taken = candidate.and_then(|it| {
                let taken = it.own(uid).and_then(|()| Self::take_in(&it.folder));
                taken.map_err(|error| named(&it.folder, &error))
            });
            match taken {
                Ok(taken) => return Ok(taken),
                Err(error) => {
                    kind = error.kind();
                    failed.push(error.to_string());
                }
            }
        }
        Err(io::Error::new(kind, failed.join("; ")))
    }

    /// `folder` is this user's own. The socket is made under another name, and then gets its own. So that never leads to a socket which others could use, or
    /// which does not listen yet.
    pub(super) fn take_in(folder: &Path) -> io::Result<(Self, UnixListener)> {
        let pid = process::id();
        let path = folder.join(format!("{pid}.sock"));
        // The other name is shorter, and Linux takes one byte more than the standard library, with which clients connect.
        SocketAddr::from_pathname(&path).map_err(|error| {
            let length = path.as_os_str().len();
            let text = format!("its `{pid}.sock` would have a path of {length} bytes: {error}");
            io::Error::new(error.kind(), text)
        })?;
        remove_dead(folder, is_dead);
        if path.exists() {
            let text = "a process with this pid serves here already: of another container, or by another copy of this crate";
            return Err(io::Error::new(ErrorKind::AddrInUse, text));
        }
        let new = folder.join(format!("{pid}.new"));
        let _ = fs::remove_file(&new); // of an earlier process that was killed right here
        let listener = bind(&new)?;
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

/// A socket of mode 0600, whatever the umask is. It has the mode before its name: to set it by the name would follow a link.
#[cfg(target_os = "linux")]
fn bind(path: &Path) -> io::Result<UnixListener> {
    use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
    let (family, kind) = (AddressFamily::UNIX, SocketType::STREAM);
    let socket = rustix::net::socket_with(family, kind, SocketFlags::CLOEXEC, None)?;
    let socket = File::from(socket);
    socket.set_permissions(Permissions::from_mode(0o600))?;
    rustix::net::bind(&socket, &SocketAddrUnix::new(path)?)?;
    rustix::net::listen(&socket, 128)?;
    Ok(UnixListener::from(OwnedFd::from(socket)))
}

/// Elsewhere a socket without a name has no mode. But no other user can put anything into the folder.
#[cfg(not(target_os = "linux"))]
fn bind(path: &Path) -> io::Result<UnixListener> {
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// The sockets of this user's processes that serve, each with its pid, in the order of the pids.
///
/// To connect to one is to ask its process; [`serve`](super::serve()) has the protocol. Sockets of processes that have died
/// are left out, and folders in which another user could have put one. Another process may end at any time, so a socket that is listed here may be gone a moment later.
///
/// # Errors
///
/// When the system does not say which user this is, or where both folders are.
///
/// ```
/// for (pid, path) in taketurns::insight::sockets()? {
///     println!("{pid}: {}", path.display());
/// }
/// # std::io::Result::Ok(())
/// ```
pub fn sockets() -> io::Result<Vec<(u32, PathBuf)>> {
    let uid = uid()?;
    let usable = known(uid)?.into_iter().filter(|it| it.check(uid).is_ok());
    let mut found: Vec<_> = usable.flat_map(|it| listed(&it.folder)).collect();
    found.retain(|(_, path)| !is_dead(path));
    found.sort();
    Ok(found)
}

/// The user as whom this process makes what it makes.
pub(super) fn uid() -> io::Result<u32> {
    let (one, _other) = UnixStream::pair()?; // it belongs to the user who makes it
    Ok(File::from(OwnedFd::from(one)).metadata()?.uid())
}

/// Where [`sockets`] looks, the best folder first: `$XDG_RUNTIME_DIR/taketurns`, and `taketurns-UID` in the temporary folder. It passes
/// over those that another user could change.
///
/// A process that serves may have another environment, and so be in neither.
///
/// # Errors
///
/// When the system does not say which user this is, or where both folders are. (A relative `$TMPDIR` is nowhere if the program's current folder
/// was removed. If only that is so, it is passed over.)
///
/// ```
/// for folder in taketurns::insight::socket_folders()? {
///     println!("{}", folder.display()); // /run/user/1000/taketurns
/// }
/// # std::io::Result::Ok(())
/// ```
pub fn socket_folders() -> io::Result<Vec<PathBuf>> {
    Ok(known(uid()?)?.into_iter().map(|it| it.folder).collect())
}

/// A folder that may have sockets.
pub(super) struct Candidate {
    pub(super) folder: PathBuf,
    /// It is in the user's runtime folder, and not in the temporary one, which all users may share.
    pub(super) is_in_runtime: bool,
}

/// The best first. One that has no absolute path cannot be used.
fn candidates(uid: u32) -> Vec<io::Result<Candidate>> {
    let runtime = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let runtime = runtime.filter(|path| path.is_absolute()).map(|path| path.join("taketurns"));
    // Absolute, as the program may change its folder before the socket is removed.
    let temporary = Some(env::temp_dir()).filter(|path| !path.as_os_str().is_empty());
    let temporary = temporary.unwrap_or_else(|| "/tmp".into());
    let absolute = path::absolute(&temporary).map_err(|error| named(&temporary, &error));
    let temporary = absolute.map(|path| path.join(format!("taketurns-{uid}")));
    let runtime = runtime.map(|folder| Candidate { folder, is_in_runtime: true });
    let temporary = temporary.map(|folder| Candidate { folder, is_in_runtime: false });
    runtime.map(Ok).into_iter().chain([temporary]).collect()
}

/// Those that have a path, if there is one.
fn known(uid: u32) -> io::Result<Vec<Candidate>> {
    let (known, failed): (Vec<_>, Vec<_>) = candidates(uid).into_iter().partition(Result::is_ok);
    let found = if known.is_empty() { failed } else { known };
    found.into_iter().collect()
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

fn refuse(why: &str) -> io::Result<()> {
    Err(io::Error::new(ErrorKind::PermissionDenied, why))
}

impl Candidate {
    /// Makes the folder, or checks the one that is there.
    fn own(&self, uid: u32) -> io::Result<()> {
        self.check_above(uid)?;
        match DirBuilder::new().mode(0o700).create(&self.folder) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => self.check(uid),
            done => done,
        }
    }

    /// Whether only this user can have put something into the folder, and can until it changes the folder.
    pub(super) fn check(&self, uid: u32) -> io::Result<()> {
        self.check_above(uid)?;
        let found = fs::symlink_metadata(&self.folder)?;
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

    /// Whether no other user can put another folder in its place.
    ///
    /// The runtime folder is the user's own. The temporary folder may be one that all may write into, if it is sticky: there only the
    /// owner of a folder, and the owner of the temporary folder itself, can move it. That one may also be a link, as `/tmp` is on some systems.
    fn check_above(&self, uid: u32) -> io::Result<()> {
        const STICKY: u32 = 0o1000;
        let above = self.folder.parent().expect("it is in another");
        let found = match self.is_in_runtime {
            true => fs::symlink_metadata(above)?,
            false => fs::metadata(above)?,
        };
        let is_shared = !self.is_in_runtime;
        if !found.is_dir() {
            refuse("what it is in is not a folder (a symbolic link is not followed)")
        } else if found.uid() != uid && !(is_shared && found.uid() == 0) {
            refuse("the folder that it is in belongs to another user")
        } else if found.mode() & 0o022 != 0 && !(is_shared && found.mode() & STICKY != 0) {
            refuse("other users can write into the folder that it is in")
        } else {
            Ok(())
        }
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
