//! Settings of the whole host, changed for a while.

use std::fmt::Display;
use std::path::PathBuf;

/// A sysctl of the first network namespace that all others share; dropping it restores it, even
/// in a panic.
#[derive(Debug)]
pub struct HostSetting {
    path: PathBuf,
    before: String,
}

impl HostSetting {
    /// Sets a key such as `net/netfilter/nf_conntrack_max`.
    ///
    /// # Panics
    ///
    /// When it cannot be read or written.
    pub fn set(key: &str, value: impl Display) -> Self {
        let path = PathBuf::from("/proc/sys").join(key);
        let before = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
        let setting = Self { path, before };
        setting.write(&value.to_string());
        setting
    }

    fn write(&self, value: &str) {
        std::fs::write(&self.path, value)
            .unwrap_or_else(|error| panic!("cannot write {}: {error}", self.path.display()));
    }
}

impl Drop for HostSetting {
    fn drop(&mut self) {
        if let Err(error) = std::fs::write(&self.path, &self.before) {
            eprintln!("cannot restore {}: {error}", self.path.display());
        }
    }
}
