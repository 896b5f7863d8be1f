//! Asking `droplens report`.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Command;
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::net::{Shutdown, shutdown};

use crate::binary::droplens;
use crate::json;
use crate::lab::{Finished, Namespace, load, veth};
use crate::scratch::Scratch;

/// A configuration without the sources that belong to the whole host, where other tests may lose
/// packets.
pub const ONLY_THIS_NAMESPACE: &str =
    "[sources]\ndisabled = [\"softnet\", \"cpu\", \"softirqs\", \"interrupts\", \"pressure\"]\n";

/// A place to report on: a namespace whose device `v0` sends no faster than 64 kbit/s.
#[derive(Debug)]
pub struct Place {
    /// The namespace.
    pub namespace: Namespace,
    scratch: Scratch,
    config: PathBuf,
    _other: Namespace,
}

impl Place {
    /// Makes it.
    ///
    /// # Panics
    ///
    /// When it cannot be made: it takes root.
    #[expect(clippy::new_without_default, reason = "it makes namespaces")]
    pub fn new() -> Self {
        let (namespace, other) = (Namespace::new(), Namespace::new());
        veth(&namespace, "v0", &other, "v1", 1);
        namespace.tc("qdisc add dev v0 root handle 7: tbf rate 64kbit burst 2000 limit 4000");
        let scratch = Scratch::new();
        let config = scratch.write("droplens.toml", ONLY_THIS_NAMESPACE);
        Self {
            namespace,
            scratch,
            config,
            _other: other,
        }
    }

    /// A file in its directory.
    pub fn file(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// `droplens` with these words in the namespace, its environment empty but for `PATH`.
    pub fn command(&self, words: &str) -> Command {
        let mut command = self.namespace.command(droplens());
        command
            .args(words.split_whitespace())
            .arg("--config")
            .arg(&self.config)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
    }

    /// The same on a terminal of its own, by script(1), which passes keys, output and exit code
    /// on; with these environment variables (`A=1 B=2`). How the terminal is set goes to the files
    /// `before` and `after`.
    pub fn on_a_terminal(&self, words: &str, variables: &str) -> Command {
        let command = self.command(words);
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        let quoted: Vec<_> = words
            .map(|word| format!("'{}'", word.to_string_lossy().replace('\'', "'\\''")))
            .collect();
        let [before, after] = ["before", "after"].map(|name| self.file(name));
        // Ctrl-C reaches the shell as well, which may take it for its own end.
        let line = format!(
            "trap : INT; stty -a > {}; env TERM=xterm {variables} {}; code=$?; stty -a > {}; exit $code",
            before.display(),
            quoted.join(" "),
            after.display()
        );
        let mut script = Command::new("script");
        script
            .args(["-qec", &line, "/dev/null"])
            .env("SHELL", "/bin/sh");
        script
    }

    /// Runs it with these words.
    pub fn run(&self, words: &str) -> Finished {
        self.namespace.run(&mut self.command(words))
    }

    /// Keeps a snapshot in a file of this name.
    ///
    /// # Panics
    ///
    /// When that is not possible.
    #[track_caller]
    pub fn snapshot(&self, name: &str) -> PathBuf {
        let path = self.file(name);
        self.run(&format!("snapshot --output {}", path.display()))
            .success();
        path
    }

    /// Loses packets of v0's queue; `tc` says how many it has lost by then.
    ///
    /// # Panics
    ///
    /// When it loses none.
    #[track_caller]
    pub fn lose(&self) -> u64 {
        let before = self.lost();
        let sender = load::udp(&self.namespace, "10.9.1.1:0");
        load::send(&sender, "10.9.1.2:9000", 200, 1000);
        let lost = self.lost();
        assert!(lost > before, "the queue lost nothing");
        lost
    }

    fn lost(&self) -> u64 {
        let qdiscs = json::parse(&self.namespace.tc("-s -j qdisc show dev v0"));
        json::number(&qdiscs, "/0/drops")
    }
}

/// A server that gives everybody the same answer, whatever is asked.
#[derive(Debug)]
pub struct Impostor {
    /// Where it listens.
    pub address: SocketAddr,
    listener: TcpListener,
    serving: Option<JoinHandle<()>>,
}

impl Impostor {
    /// Answers with these bytes.
    ///
    /// # Panics
    ///
    /// When it cannot listen.
    pub fn start(namespace: &Namespace, address: &str, answer: impl Into<Vec<u8>>) -> Self {
        let listener = namespace
            .enter(|| TcpListener::bind(address))
            .expect("a listener");
        let accepting = listener.try_clone().expect("a second handle");
        let answer = answer.into();
        let serving = std::thread::spawn(move || {
            for mut stream in accepting.incoming().map_while(Result::ok) {
                let _bounded = stream.set_read_timeout(Some(Duration::from_secs(5)));
                // The whole request fits. A client that has heard enough is no failure.
                let _asked = stream.read(&mut [0; 4096]);
                let _answered = stream.write_all(&answer);
            }
        });
        Self {
            address: listener.local_addr().expect("its address"),
            listener,
            serving: Some(serving),
        }
    }

    /// Answers with this status and body.
    pub fn http(namespace: &Namespace, address: &str, status: &str, body: &str) -> Self {
        let answer = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        Self::start(namespace, address, answer)
    }
}

impl Drop for Impostor {
    fn drop(&mut self) {
        let _woken = shutdown(&self.listener, Shutdown::Both);
        if let Some(serving) = self.serving.take() {
            let _ended = serving.join();
        }
    }
}
