//! After a `fork`: the child has the memory of its parent, but none of the threads that serve.

use std::env;
use std::ffi::c_int;
use std::panic::AssertUnwindSafe;
use std::process::{Command, id};

use taketurns::Runtime;
use taketurns::insight::{Serve, serve};

use super::client::Client;
use super::program::Folder;

const SCENE: &str = "TAKETURNS_TEST_INSPECT_FORK";

unsafe extern "C" {
    fn fork() -> c_int;
    fn waitpid(pid: c_int, status: *mut c_int, options: c_int) -> c_int;
    fn _exit(status: c_int) -> !;
}

#[test]
fn a_child_serves_by_itself_and_leaves_its_parents_socket_alone() {
    if env::var_os(SCENE).is_some() {
        return scene();
    }
    let mut child = Command::new(env::current_exe().unwrap());
    let test = "fork::a_child_serves_by_itself_and_leaves_its_parents_socket_alone";
    child.args(["--exact", test, "--nocapture"]);
    let runtime = Folder::new("fork");
    child.env(SCENE, "1").env("XDG_RUNTIME_DIR", &*runtime);
    let output = child.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && text.contains("\nthe child's own: true\n"), "{text}");
}

fn answers(path: &std::path::Path, pid: u32) -> bool {
    Client::new(path).ask_json("loops json")["pid"] == pid
}

fn scene() {
    let runtime = Runtime::new().unwrap();
    let server = Serve::new().http(0).start(&runtime.handle()).unwrap();
    // SAFETY: the test's process has no other thread that holds a lock which the child takes.
    let child = unsafe { fork() };
    if child == 0 {
        let path = std::panic::catch_unwind(AssertUnwindSafe(|| {
            let own = Runtime::new().unwrap();
            let served = serve(&own.handle()).unwrap();
            assert!(answers(served.path(), id()) && served.path() != server.path());
            served.path().to_owned()
        }));
        drop(server); // must neither end its parent's, nor wait for threads that are not here
        println!("\nthe child's own: {}", path.is_ok_and(|path| !path.exists()));
        // SAFETY: it ends the process.
        unsafe { _exit(0) };
    }
    // SAFETY: of a child of this process; the status is not asked for.
    assert_eq!(unsafe { waitpid(child, std::ptr::null_mut(), 0) }, child);
    assert!(answers(server.path(), id()));
}
