//! What becomes of the sockets of processes that have died.

use std::cell::RefCell;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::{env, fs, process};

#[cfg(target_os = "linux")]
use super::place::Place;
use super::place::{Candidate, is_dead, remove_dead, uid};

/// A folder of the test's own, with the socket of a process that has died.
fn folder(name: &str) -> (PathBuf, PathBuf) {
    let folder = env::temp_dir().join(format!("tt-place-{}-{name}", process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir(&folder).unwrap();
    let path = folder.join("1234.sock");
    drop(UnixListener::bind(&path).unwrap()); // its name stays
    (folder, path)
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn the_socket_of_a_dead_process_is_removed_and_that_of_a_live_one_is_not() {
    let (folder, path) = folder("dead");
    let live = UnixListener::bind(folder.join("1.sock")).unwrap();
    assert!(is_dead(&path) && !is_dead(&folder.join("1.sock")));
    remove_dead(&folder, is_dead);
    assert_eq!(names(&folder), ["1.sock"]);
    drop((live, fs::remove_dir_all(&folder)));
}

#[test]
fn a_process_that_gets_the_pid_of_a_dead_one_keeps_its_socket() {
    let (folder, path) = folder("reused");
    let live = RefCell::default();
    remove_dead(&folder, |looked_at| {
        let was_dead = is_dead(looked_at);
        let mut live = live.borrow_mut();
        if Option::is_none(&live) {
            // The process with the same pid comes right behind the look.
            fs::remove_file(&path).unwrap();
            *live = Some(UnixListener::bind(&path).unwrap());
        }
        was_dead
    });
    assert_eq!(names(&folder), ["1234.sock"]);
    UnixStream::connect(&path).unwrap();
    drop((live, fs::remove_dir_all(&folder)));
}

#[test]
fn the_folder_of_another_user_is_not_used() {
    let (folder, _) = folder("user");
    fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
    let ours = uid().unwrap();
    let in_temporary = Candidate { folder: folder.clone(), is_in_runtime: false };
    in_temporary.check(ours).unwrap();
    let why = in_temporary.check(ours + 1).unwrap_err().to_string();
    assert!(why.ends_with(" belongs to another user"), "{why}");
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_folder_that_another_user_could_replace_is_not_used() {
    let (above, _) = folder("above");
    let folder = above.join("taketurns");
    fs::create_dir(&folder).unwrap();
    for path in [&above, &folder] {
        fs::set_permissions(path, Permissions::from_mode(0o700)).unwrap();
    }
    let ours = uid().unwrap();
    let [runtime, temporary] =
        [true, false].map(|is_in_runtime| Candidate { folder: folder.clone(), is_in_runtime });
    let why = |it: &Candidate, uid| it.check(uid).unwrap_err().to_string();
    let belongs = "the folder that it is in belongs to another user";
    for it in [&runtime, &temporary] {
        it.check(ours).unwrap();
        if ours != 0 {
            assert_eq!(why(it, ours + 1), belongs);
        }
    }
    // The temporary folder may be root's; the runtime folder may not.
    if ours == 0 {
        assert_eq!(why(&runtime, 1), belongs);
        assert_eq!(why(&temporary, 1), "it belongs to another user");
    }
    for (mode, is_sticky) in [(0o720, false), (0o702, false), (0o777, false), (0o1777, true)] {
        fs::set_permissions(&above, Permissions::from_mode(mode)).unwrap();
        let open = "other users can write into the folder that it is in";
        assert_eq!(why(&runtime, ours), open, "{mode:o}");
        match is_sticky {
            true => temporary.check(ours).unwrap(),
            false => assert_eq!(why(&temporary, ours), open, "{mode:o}"),
        }
    }
    fs::remove_dir_all(&above).unwrap();
}

/// Clients use the standard library, which does not take the longest path that Linux does.
#[cfg(target_os = "linux")]
#[test]
fn a_folder_is_not_used_whose_path_is_too_long_for_clients() {
    const LONGEST: usize = 107;
    let (above, _) = folder("long");
    let socket = format!("/{}.sock", process::id());
    let left = LONGEST - above.as_os_str().len() - 1 - socket.len();
    let [fits, too_long] = [left, left + 1].map(|length| above.join("x".repeat(length)));
    fs::create_dir(&fits).unwrap();
    fs::create_dir(&too_long).unwrap();
    let (place, _listener) = Place::take_in(&fits).unwrap();
    UnixStream::connect(place.path()).unwrap();
    drop(place);
    let why = Place::take_in(&too_long).map(drop).unwrap_err().to_string();
    assert!(why.contains(" would have a path of 108 bytes: "), "{why}");
    assert!(names(&too_long).is_empty());
    fs::remove_dir_all(&above).unwrap();
}
