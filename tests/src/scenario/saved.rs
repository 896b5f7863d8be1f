//! Snapshots of a namespace in files, before and after a fault.

use std::path::PathBuf;

use droplens_model::{Report, Timestamp};

use super::Seen;
use crate::binary::droplens;
use crate::lab::Namespace;
use crate::scratch::Scratch;

/// A namespace of which a snapshot was taken.
pub struct Saved<'a> {
    namespace: &'a Namespace,
    scratch: Scratch,
    fault: Timestamp,
}

impl<'a> Saved<'a> {
    /// Takes the snapshot before the fault.
    ///
    /// # Panics
    ///
    /// When it cannot be taken.
    pub fn before(namespace: &'a Namespace) -> Self {
        let mut saved = Self {
            namespace,
            scratch: Scratch::new(),
            fault: Timestamp::default(),
        };
        saved.take("before");
        saved.fault = std::time::SystemTime::now().into();
        saved
    }

    /// Takes the snapshot after it and has the two compared.
    ///
    /// # Panics
    ///
    /// When there is no report.
    pub fn verdict(self, truth: Option<u64>) -> Seen {
        self.take("after");
        let mut command = self.namespace.command(droplens());
        command
            .args(["report", "--json", "--from"])
            .arg(self.path("before"))
            .arg("--to")
            .arg(self.path("after"));
        let finished = self.namespace.run(&mut command);
        let report: Report = serde_json::from_str(&finished.stdout)
            .unwrap_or_else(|error| panic!("no report: {error}: {finished:?}"));
        Seen {
            report,
            truth,
            fault: self.fault,
        }
    }

    fn take(&self, name: &str) {
        let mut command = self.namespace.command(droplens());
        command.args(["snapshot", "--output"]).arg(self.path(name));
        self.namespace.run(&mut command).success();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }
}
