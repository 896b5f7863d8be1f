//! Where targets are discovered.

use std::fmt;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{self, Deserializer, Visitor};
use toml::Spanned;

use super::places::{DomainName, Url};
use super::values::{Port, Refresh};

/// Sources of targets.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Discovery {
    #[serde(deserialize_with = "one_or_more")]
    pub(crate) file: Vec<FileDiscovery>,
    #[serde(deserialize_with = "one_or_more")]
    pub(crate) http: Vec<HttpDiscovery>,
    #[serde(deserialize_with = "one_or_more")]
    pub(crate) dns: Vec<DnsDiscovery>,
}

impl Discovery {
    /// The probes that targets are discovered for, and where that is said.
    pub(crate) fn probes(&self) -> impl Iterator<Item = &Spanned<String>> {
        let files = self.file.iter().map(|file| &file.probe);
        let http = self.http.iter().map(|http| &http.probe);
        files
            .chain(http)
            .chain(self.dns.iter().map(|dns| &dns.probe))
    }
}

/// Files as Prometheus's `file_sd_configs` has them.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileDiscovery {
    pub(crate) probe: Spanned<String>,
    pub(crate) files: Vec<FilePattern>,
}

/// A list that a server gives, as Prometheus's `http_sd_configs` has it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HttpDiscovery {
    pub(crate) probe: Spanned<String>,
    pub(crate) url: Url,
    #[serde(default = "minute")]
    pub(crate) refresh: Refresh,
    /// A file of certificates to trust instead of the system's.
    pub(crate) authorities: Option<String>,
    /// The value of the header `authorization`, in a file, so that the configuration may be read.
    pub(crate) authorization_file: Option<PathBuf>,
}

/// Names that stand for many targets, as Prometheus's `dns_sd_configs` has them.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DnsDiscovery {
    pub(crate) probe: Spanned<String>,
    pub(crate) names: Vec<DomainName>,
    #[serde(default, rename = "type")]
    pub(crate) lookup: Lookup,
    /// The port of targets, for addresses; those of `SRV` records have their own.
    pub(crate) port: Option<Port>,
    #[serde(default = "half_minute")]
    pub(crate) refresh: Refresh,
}

/// What is looked up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) enum Lookup {
    /// Services: hosts with ports.
    #[default]
    #[serde(rename = "SRV")]
    Services,
    /// IPv4 addresses.
    #[serde(rename = "A")]
    Ipv4,
    /// IPv6 addresses.
    #[serde(rename = "AAAA")]
    Ipv6,
}

const fn minute() -> Refresh {
    Refresh(Duration::from_secs(60))
}

const fn half_minute() -> Refresh {
    Refresh(Duration::from_secs(30))
}

/// A file, or all files of a directory whose names match: `/etc/droplens/targets/*.json`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "PathBuf")]
pub(crate) struct FilePattern {
    directory: PathBuf,
    name: String,
}

impl TryFrom<PathBuf> for FilePattern {
    type Error = String;

    fn try_from(path: PathBuf) -> Result<Self, Self::Error> {
        let refuse = |why| Err(format!("{:?} {why}", path.display()));
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            return refuse("names no file");
        };
        if !path.is_absolute() {
            return refuse(
                "is not absolute, expected a path such as \"/etc/droplens/targets/*.json\"",
            );
        }
        let directory = path.parent().map(Path::to_owned).unwrap_or_default();
        if directory.to_string_lossy().contains('*') {
            return refuse(
                "has a * in the name of a directory; only the name of the file may have one",
            );
        }
        if name.matches('*').count() > 1 {
            return refuse("has more than one *");
        }
        let extension = Path::new(name)
            .extension()
            .and_then(|ending| ending.to_str());
        if !matches!(extension, Some("json" | "yml" | "yaml")) {
            return refuse("ends neither in .json nor in .yml or .yaml");
        }
        Ok(Self {
            name: name.to_owned(),
            directory,
        })
    }
}

impl FilePattern {
    /// The directory.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The path, if it is that of one file.
    pub(crate) fn only(&self) -> Option<PathBuf> {
        (!self.name.contains('*')).then(|| self.directory.join(&self.name))
    }

    /// Whether a file of the directory is one of these.
    pub(crate) fn matches(&self, name: &str) -> bool {
        match self.name.split_once('*') {
            None => self.name == name,
            // As in a shell, * does not stand for hidden files.
            Some(("", _)) if name.starts_with('.') => false,
            Some((before, after)) => name
                .strip_prefix(before)
                .is_some_and(|rest| rest.ends_with(after)),
        }
    }
}

impl fmt::Display for FilePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.directory.join(&self.name).display().fmt(f)
    }
}

/// One table or a list of them, without losing the place of an error.
fn one_or_more<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Either<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Either<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a table or a list of tables")
        }

        fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
            T::deserialize(MapAccessDeserializer::new(map)).map(|one| vec![one])
        }

        fn visit_seq<A: de::SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(seq))
        }
    }

    deserializer.deserialize_any(Either(PhantomData))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(path: &str) -> Result<FilePattern, String> {
        PathBuf::from(path).try_into()
    }

    #[test]
    fn a_pattern_stands_for_files_of_one_directory() {
        let all = pattern("/t/web-*.json").unwrap();
        assert!(all.matches("web-1.json") && all.matches("web-.json"));
        assert!(!all.matches("web-1.yml") && !all.matches("db.json"));
        assert!(!pattern("/t/*.json").unwrap().matches(".hidden.json"));
        assert!(!pattern("/t/a*a.json").unwrap().matches("a.json"));
        assert_eq!(pattern("/t/a.yml").unwrap().only(), Some("/t/a.yml".into()));
        assert_eq!(all.to_string(), "/t/web-*.json");
    }

    #[test]
    fn paths_that_cannot_be_followed_are_refused() {
        for (path, told) in [
            ("a.json", "not absolute"),
            ("/t/*/a.json", "name of a directory"),
            ("/t/**.json", "more than one"),
            ("/t/a.txt", "ends neither"),
            ("/", "names no file"),
        ] {
            let error = pattern(path).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
    }
}
