//! `droplens watch`, on a terminal and in a pipe.
#![expect(clippy::expect_used, reason = "a panic is the failure report")]

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use droplens_tests::agent::Options;
use droplens_tests::needs_root;
use droplens_tests::verdict::{Impostor, ONLY_THIS_NAMESPACE, Place};
use droplens_tests::wait::until;
use rustix::process::{Pid, Signal, kill_process};

/// A program that runs until it is told to end.
struct Running {
    child: Child,
    keys: Option<ChildStdin>,
    shown: Arc<Mutex<Vec<u8>>>,
    listening: Option<JoinHandle<()>>,
}

impl Running {
    fn start(place: &Place, mut command: Command) -> Self {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let spawned = place.namespace.enter(|| command.spawn());
        let mut child = spawned.expect("a running program");
        let mut output = child.stdout.take().expect("its output");
        let shown = Arc::<Mutex<Vec<u8>>>::default();
        let heard = Arc::clone(&shown);
        let listening = std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                let new = bytes.get(..count).unwrap_or_default();
                let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
                heard.extend_from_slice(new);
            }
        });
        Self {
            keys: child.stdin.take(),
            child,
            shown,
            listening: Some(listening),
        }
    }

    fn shown(&self) -> String {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&shown).into_owned()
    }

    /// Waits until this has been shown so many times.
    #[track_caller]
    fn wait_for(&self, text: &str, times: usize) {
        until(text, || {
            let shown = self.shown();
            let count = shown.matches(text).count();
            (count >= times).then_some(()).ok_or(shown)
        });
    }

    fn press(&mut self, key: &[u8]) {
        let keys = self.keys.as_mut().expect("a keyboard");
        keys.write_all(key).expect("pressing a key");
        keys.flush().expect("pressing a key");
    }

    /// The exit code and everything shown, once it has ended.
    #[track_caller]
    fn end(mut self) -> (Option<i32>, String) {
        let status = until("the end", || match self.child.try_wait() {
            Ok(Some(status)) => Ok(status),
            Ok(None) => Err(self.shown()),
            Err(error) => Err(error.to_string()),
        });
        if let Some(listening) = self.listening.take() {
            listening.join().expect("all of its output");
        }
        (status.code(), self.shown())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Whether the terminal is as it was: the same settings, the screen of before, the cursor there.
#[track_caller]
fn is_given_back(place: &Place, shown: &str) {
    let [before, after] = ["before", "after"].map(|name| {
        let settings = std::fs::read_to_string(place.file(name)).expect("settings");
        assert!(settings.contains("icanon"), "{settings}");
        settings
    });
    assert_eq!(before, after);
    for (taken, given) in [("\x1b[?1049h", "\x1b[?1049l"), ("\x1b[?25l", "\x1b[?25h")] {
        let taken = shown.rfind(taken).expect("taken over");
        assert!(shown.rfind(given) > Some(taken), "{shown:?}");
    }
}

#[test]
fn on_a_terminal_it_shows_the_verdict_and_leaves_no_trace() {
    needs_root!();
    let place = Place::new();
    let agent = Options::new()
        .config(ONLY_THIS_NAMESPACE)
        .start(&place.namespace);
    // q, Ctrl-C and Ctrl-D.
    for key in [b"q", b"\x03", b"\x04"] {
        let command = place.on_a_terminal("watch", "NO_COLOR=1");
        let mut watch = Running::start(&place, command);
        watch.wait_for("no packet lost in", 2);
        watch.press(key);
        let (code, shown) = watch.end();
        assert_eq!(code, Some(0), "{shown}");
        is_given_back(&place, &shown);
    }
    agent.stop();
}

#[test]
fn it_shows_a_loss_as_it_happens_with_an_agent_and_without() {
    needs_root!();
    let place = Place::new();
    let look = || {
        let mut watch = Running::start(&place, place.on_a_terminal("watch --interval 5s", ""));
        watch.wait_for("no packet lost in", 1);
        place.lose();
        watch.wait_for("queue overflow in tbf 7: on v0", 1);
        watch.press(b"q");
        let (code, shown) = watch.end();
        assert_eq!(code, Some(0), "{shown}");
        is_given_back(&place, &shown);
    };
    look();
    let agent = Options::new()
        .config(ONLY_THIS_NAMESPACE)
        .start(&place.namespace);
    look();
    agent.stop();
}

#[test]
fn in_a_pipe_reports_follow_each_other_in_plain_text() {
    needs_root!();
    let place = Place::new();
    let watch = Running::start(&place, place.command("watch --interval 1s"));
    watch.wait_for("Scope: this network namespace", 2);
    let pid = Pid::from_child(&watch.child);
    kill_process(pid, Signal::TERM).expect("asking it to end");
    let (code, shown) = watch.end();
    assert_eq!(code, Some(0), "{shown}");
    assert!(!shown.contains('\x1b'), "{shown:?}");
    assert!(shown.matches("\nlink       ").count() >= 2, "{shown}");
}

#[test]
fn an_agent_that_goes_away_is_told_and_one_that_comes_back_is_shown() {
    needs_root!();
    let place = Place::new();
    let report = place.run("report --interval 100ms --json").stdout;
    let serve = |answer: &str| Impostor::http(&place.namespace, "127.0.0.1:1", "200 OK", answer);
    let agent = serve(&report);
    let watch = Running::start(&place, place.command("watch --url http://127.0.0.1:1"));
    watch.wait_for("no packet lost in", 1);
    drop(agent);
    watch.wait_for("cannot connect to the agent at http://127.0.0.1:1", 1);
    let before = watch.shown().matches("no packet lost in").count();
    let _back = serve(&report);
    watch.wait_for("no packet lost in", before + 1);
    let pid = Pid::from_child(&watch.child);
    kill_process(pid, Signal::TERM).expect("asking it to end");
    assert_eq!(watch.end().0, Some(0));
}
