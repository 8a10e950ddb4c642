//! The socket: where it is, and that only its user gets in.

use std::env;
use std::fs;
use std::io::Read;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, symlink};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use taketurns::Runtime;
use taketurns::insight::{Serve, serve};

use super::client::{Client, LOST};
use super::program::{Demo, Folder, inspect, mode, set_mode};

#[test]
fn only_its_user_can_open_the_socket_whatever_the_umask_is() {
    let runtime = Folder::new("mode");
    // The shell sets the umask, and becomes the demo.
    let command = inspect(&runtime, &["demo"]);
    let mut shell = Command::new("sh");
    shell.args(["-c", "umask 0; exec \"$0\" demo"]).arg(command.get_program());
    shell.env("XDG_RUNTIME_DIR", &*runtime);
    let demo = Demo::run(&mut shell);
    assert_eq!(demo.socket, runtime.join("taketurns").join(format!("{}.sock", demo.pid())));
    assert_eq!(mode(&demo.socket), 0o600);
    assert_eq!(mode(demo.socket.parent().unwrap()), 0o700);
    let left = fs::read_dir(runtime.join("taketurns")).unwrap().count();
    assert_eq!(left, 1, "nothing but the socket");
    demo.end();
}

#[test]
fn the_socket_goes_with_its_process_or_with_the_next() {
    let runtime = Folder::new("gone");
    let demo = Demo::start(&runtime);
    let socket = demo.socket.clone();
    demo.end();
    assert!(!socket.exists(), "removed at the end");

    let killed = Demo::start(&runtime);
    let socket = killed.socket.clone();
    killed.kill();
    assert!(socket.exists(), "a process that is killed leaves it");
    assert!(super::program::said(&runtime, &["ps"]).1.contains("no process can be asked"));
    let next = Demo::start(&runtime);
    assert!(!socket.exists(), "the next removes it");
    assert!(next.socket.exists());
}

#[test]
fn a_process_that_is_stopped_holds_up_no_other() {
    use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, socket_with};
    let runtime = Folder::new("full");
    fs::DirBuilder::new().mode(0o700).create(runtime.join("taketurns")).unwrap();
    let path = runtime.join("taketurns/1.sock");
    let _stopped = UnixListener::bind(&path).unwrap(); // accepts nothing
    let address = SocketAddrUnix::new(&path).unwrap();
    let connect = || {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None).unwrap();
        rustix::net::connect(&socket, &address).ok().map(|()| socket)
    };
    let _waiting: Vec<_> = std::iter::from_fn(connect).collect(); // until one more would wait
    let demo = Demo::start(&runtime);
    assert!(path.exists());
    assert!(super::program::said(&runtime, &["tree", &demo.pid()]).0);
}

#[test]
fn without_a_runtime_directory_the_socket_is_in_the_temporary_folder() {
    let temporary = Folder::new("temp");
    let demo = Demo::run(inspect(&temporary, &["demo"]).env_remove("XDG_RUNTIME_DIR"));
    let uid = fs::metadata(&*temporary).unwrap().uid();
    let place = temporary.join(format!("taketurns-{uid}"));
    assert_eq!(demo.socket, place.join(format!("{}.sock", demo.pid())));
    assert_eq!(mode(&place), 0o700);
    // A client that has another environment finds it too.
    assert!(super::program::said(&temporary, &["ps"]).1.contains(&demo.url));
}

#[test]
fn a_temporary_folder_that_is_relative_is_where_the_program_was_then() {
    let temporary = Folder::new("relative");
    let mut command = inspect(Path::new("."), &["demo"]);
    let demo = Demo::run(command.env_remove("XDG_RUNTIME_DIR").current_dir(&*temporary));
    let socket = demo.socket.clone();
    assert!(socket.is_absolute() && socket.exists(), "{}", socket.display());
    demo.end();
    assert!(!socket.exists());
}

/// `inspect` in a folder that is removed as it starts, and is its temporary folder too.
fn inspect_nowhere(runtime: &Path, arguments: &[&str]) -> Command {
    let mut shell = Command::new("sh");
    let scene = "mkdir gone && cd gone && rmdir ../gone && exec \"$0\" \"$@\"";
    shell.args(["-c", scene]).arg(inspect(runtime, &[]).get_program()).args(arguments);
    shell.current_dir(runtime).env("XDG_RUNTIME_DIR", runtime).env("TMPDIR", ".");
    shell
}

#[test]
fn a_temporary_folder_that_is_nowhere_matters_only_without_a_runtime_directory() {
    let runtime = Folder::new("nowhere");
    let demo = Demo::run(&mut inspect_nowhere(&runtime, &["demo"]));
    assert_eq!(demo.socket.parent().unwrap(), runtime.join("taketurns"));
    let output = inspect_nowhere(&runtime, &["ps"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains(&demo.url), "{text}");
    demo.end();
    for command in ["demo", "ps"] {
        let mut command = inspect_nowhere(&runtime, &[command]);
        let output = command.env_remove("XDG_RUNTIME_DIR").output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains(".: No such file or directory"), "{text}");
    }
}

#[test]
fn an_empty_name_of_the_temporary_folder_is_none() {
    let runtime = Folder::new("empty");
    let demo = Demo::run(inspect(&runtime, &["demo"]).env("TMPDIR", ""));
    assert_eq!(demo.socket.parent().unwrap(), runtime.join("taketurns"));
    let mut command = inspect(&runtime, &["demo"]);
    let demo = Demo::run(command.env("TMPDIR", "").env_remove("XDG_RUNTIME_DIR"));
    assert_eq!(demo.socket.parent().unwrap().parent(), Some(Path::new("/tmp")));
}

/// What the demo says when no folder can be used.
fn refusal(runtime: &Path) -> String {
    let output = inspect(runtime, &["demo"]).env_remove("XDG_RUNTIME_DIR").output().unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_folder_that_others_could_have_made_is_not_used() {
    let temporary = Folder::new("traps");
    let uid = fs::metadata(&*temporary).unwrap().uid();
    let place = temporary.join(format!("taketurns-{uid}"));
    let mine = temporary.join("mine");

    fs::create_dir(&mine).unwrap();
    set_mode(&mine, 0o700);
    symlink(&mine, &place).unwrap();
    assert!(refusal(&temporary).contains("it is not a folder"));
    fs::remove_file(&place).unwrap();

    fs::write(&place, "").unwrap();
    assert!(refusal(&temporary).contains("it is not a folder"));
    fs::remove_file(&place).unwrap();

    for open in [0o755, 0o710, 0o702] {
        let _ = fs::create_dir(&place);
        set_mode(&place, open);
        assert!(refusal(&temporary).contains("it is open to other users"), "{open:o}");
    }
    // Nor does a client trust the sockets that are there.
    let listener = UnixListener::bind(place.join("1.sock")).unwrap();
    let (_, text) = super::program::said(&temporary, &["ps"]);
    assert!(text.starts_with("no process can be asked: the sockets in "), "{text}");
    assert!(text.contains(" are not trusted: a folder has to be yours, of mode 0700. "), "{text}");
    drop(listener);

    set_mode(&place, 0o700);
    if uid != 0 {
        return; // the rest needs a folder of another user
    }
    std::os::unix::fs::chown(&place, Some(NOBODY), None).unwrap();
    assert!(refusal(&temporary).contains("it belongs to another user"));
}

/// Another user could replace the folder with the sockets, between a look at it and its use.
#[test]
fn a_runtime_directory_that_others_can_change_is_not_used() {
    let temporary = Folder::new("above");
    let (runtime, link) = (temporary.join("runtime"), temporary.join("link"));
    let place = runtime.join("taketurns");
    for path in [&runtime, &place] {
        fs::DirBuilder::new().mode(0o700).create(path).unwrap();
    }
    symlink(&runtime, &link).unwrap();
    let started = |runtime: &Path| {
        let mut command = inspect(&temporary, &["demo"]);
        Demo::run(command.env("XDG_RUNTIME_DIR", runtime))
    };
    let is_used = |runtime: &Path| started(runtime).socket.starts_with(runtime);
    let said = |arguments: &[&str]| {
        let mut command = inspect(&temporary, arguments);
        let output = command.env("XDG_RUNTIME_DIR", &runtime).output().unwrap();
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    assert!(is_used(&runtime));
    assert!(!is_used(&link), "whoever owns the link can change it");
    let listener = UnixListener::bind(place.join("1.sock")).unwrap();
    for open in [0o777, 0o720, 0o702, 0o1777] {
        set_mode(&runtime, open);
        let demo = started(&runtime);
        assert!(demo.socket.starts_with(&*temporary) && !demo.socket.starts_with(&runtime));
        // Nor does a client trust the sockets that are there: it finds one process.
        assert!(said(&["tree"]).contains(" \"main\": "), "{open:o}");
    }
    drop(listener);
    let uid = fs::metadata(&*temporary).unwrap().uid();
    set_mode(&runtime, 0o700);
    if uid == 0 {
        std::os::unix::fs::chown(&runtime, Some(NOBODY), None).unwrap();
        assert!(!is_used(&runtime));
    }
    // The temporary folder is shared, but only a sticky one is used.
    set_mode(&temporary, 0o1777);
    assert!(started(Path::new("relative")).socket.starts_with(&*temporary));
    set_mode(&temporary, 0o777);
    let text = refusal(&temporary);
    let place = temporary.join(format!("taketurns-{uid}"));
    let why = format!("{}: other users can write into the folder that it is in", place.display());
    assert!(text.contains(&why), "{text}");
}

const NOBODY: u32 = 65534;
const SCENE: &str = "TAKETURNS_TEST_INSPECT";

/// As another user: what comes from the socket.
fn as_nobody(socket: &Path) -> String {
    let mut child = Command::new(env::current_exe().unwrap());
    child.args(["--exact", "socket::another_user_is_refused", "--nocapture"]);
    child.env(SCENE, socket).uid(NOBODY).gid(NOBODY);
    let output = child.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let said = text.lines().find_map(|line| line.split_once("the other user: "));
    said.unwrap_or_else(|| panic!("{text}")).1.to_owned()
}

fn try_it(socket: &Path) -> String {
    let mut stream = match UnixStream::connect(socket) {
        Ok(stream) => stream,
        Err(error) => return format!("{:?}", error.kind()),
    };
    stream.set_read_timeout(Some(LOST)).unwrap();
    let _ = std::io::Write::write_all(&mut stream, b"loops\n"); // it may be closed already
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer); // closed, or reset
    format!("{} bytes", answer.len())
}

#[test]
fn another_user_is_refused() {
    if let Some(socket) = env::var_os(SCENE) {
        println!("\nthe other user: {}", try_it(Path::new(&socket)));
        return;
    }
    let runtime = Folder::new("other");
    if fs::metadata(&*runtime).unwrap().uid() != 0 {
        println!("skipped: only root can become another user");
        return;
    }
    let demo = Demo::start(&runtime);
    assert_ne!(try_it(&demo.socket), "0 bytes");
    set_mode(&runtime, 0o755);
    assert_eq!(as_nobody(&demo.socket), "PermissionDenied");
    // Even if the modes did not keep them out:
    set_mode(&runtime.join("taketurns"), 0o777);
    set_mode(&demo.socket, 0o666);
    assert_eq!(as_nobody(&demo.socket), "0 bytes");
    assert!(Client::new(&demo.socket).ask("loops").is_ok());
}

#[test]
fn the_loops_of_a_process_share_its_socket() {
    let [one, other] = [(); 2].map(|()| Runtime::new().unwrap());
    let first = Serve::new().name("one \u{1b}[31m").start(&one.handle()).unwrap();
    let second = serve(&other.handle()).unwrap();
    assert_eq!(first.path(), second.path());
    let mut client = Client::new(first.path());
    let names = |client: &mut Client| {
        let told = client.ask_json("loops json");
        assert_eq!(told["pid"], std::process::id());
        let loops = told["loops"].as_array().unwrap().clone();
        loops.into_iter().map(|it| (it["number"].as_u64().unwrap(), it["name"].clone()))
    };
    let all: Vec<_> = names(&mut client).collect();
    let (number, _) = all.iter().find(|(_, name)| *name == "one \u{1b}[31m").unwrap();
    let told = client.ask(&format!("loops {number}")).unwrap();
    assert_eq!(
        told,
        format!("loop {number} \"one \\u{{1b}}[31m\": is not in a run; 0 tasks, 0 ready\n")
    );
    drop(first);
    assert!(!names(&mut client).any(|(other, _)| other == *number));
    let why = client.ask(&format!("loops {number}")).unwrap_err();
    assert_eq!(why, format!("there is no loop {number} here"));
    drop(second);
}

#[test]
fn a_loop_that_is_served_twice_is_listed_once() {
    let runtime = Runtime::new().unwrap();
    let unnamed = serve(&runtime.handle()).unwrap();
    let named = Serve::new().name("twice").start(&runtime.handle()).unwrap();
    let again = Serve::new().name("thrice").start(&runtime.handle()).unwrap();
    let mut client = Client::new(named.path());
    let mut numbers = || {
        let told = client.ask_json("loops json");
        let loops = told["loops"].as_array().unwrap().clone();
        let called = |name| loops.iter().filter(move |it| it["name"] == name);
        assert_eq!(called("thrice").count(), 0, "it keeps its first name");
        called("twice").map(|it| it["number"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    let number = numbers();
    assert_eq!(number.len(), 1);
    drop((unnamed, named));
    assert_eq!(numbers(), number, "one server is left");
    let other = Runtime::new().unwrap();
    let _other = serve(&other.handle()).unwrap(); // keeps the socket
    drop(again);
    assert!(numbers().is_empty());
}

#[test]
fn a_socket_that_was_removed_comes_back_when_a_loop_is_served_again() {
    let name = "socket::a_socket_that_was_removed_comes_back_when_a_loop_is_served_again";
    let Some(folder) = env::var_os(REMOVED) else {
        // In a process of its own: the socket is that of all tests here.
        let runtime = Folder::new("removed");
        let mut child = Command::new(env::current_exe().unwrap());
        child.args(["--exact", name, "--nocapture"]).env(REMOVED, &*runtime);
        let output =
            child.env("XDG_RUNTIME_DIR", &*runtime).env("TMPDIR", &*runtime).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{text}");
        return;
    };
    let [one, other] = [(); 2].map(|()| Runtime::new().unwrap());
    let first = Serve::new().name("one").start(&one.handle()).unwrap();
    let path = first.path().to_owned();
    assert!(path.starts_with(&folder));
    fs::remove_file(&path).unwrap();
    let second = Serve::new().name("other").start(&other.handle()).unwrap();
    assert_eq!(second.path(), path);
    let asked = Client::new(&path).ask("loops").unwrap();
    assert_eq!(asked.lines().count(), 2, "{asked}");
    assert_eq!(mode(&path), 0o600);

    // Of another process, as far as this one can tell. It stays, and this one goes to the next folder.
    fs::remove_file(&path).unwrap();
    let _foreign = UnixListener::bind(&path).unwrap();
    let third = serve(&one.handle()).unwrap();
    let next = third.path().to_owned();
    assert!(next != path && next.starts_with(&folder), "{}", next.display());
    assert!(Client::new(&next).ask("loops").is_ok());
    drop((first, second, third));
    assert!(path.exists() && !next.exists());
}

const REMOVED: &str = "TAKETURNS_TEST_REMOVED";

#[test]
fn a_question_that_is_none_gets_an_error_that_says_so() {
    let runtime = Runtime::new().unwrap();
    let server = serve(&runtime.handle()).unwrap();
    let mut client = Client::new(server.path());
    assert_eq!(client.ask("nonsense").unwrap_err(), "there is no such command; `help` lists them");
    let why = "after the command may come `json` or `text`, and the number of a loop";
    assert_eq!(client.ask("loops xml").unwrap_err(), why);
    assert_eq!(client.ask("loops -1").unwrap_err(), why);
    assert_eq!(client.ask("page json").unwrap_err(), "`page` has no JSON");
    assert!(client.ask("loops text").is_ok());
    assert!(client.ask("help").unwrap().contains("\n  dump "));
    assert!(client.ask("").unwrap().contains("\n  dump "));
}

#[test]
fn a_runtime_that_has_ended_cannot_be_served() {
    let handle = Runtime::new().unwrap().handle();
    let error = serve(&handle).unwrap_err();
    assert_eq!(error.to_string(), "the runtime of this handle has ended: there is nothing to ask");
}

#[test]
fn a_bare_executor_cannot_be_asked() {
    use std::num::NonZeroU32;
    use taketurns::executor::{Executor, ParkThread};
    let executor = Executor::new(ParkThread::new(), NonZeroU32::MIN);
    let error = serve(&taketurns::Handle::new(&executor)).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::Unsupported);
}
