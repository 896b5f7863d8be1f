//! Asking `ip_tables` and `ip6_tables`, whose rules iptables-legacy makes.
//!
//! The kernel makes a table that is asked for and is not there, so only those are asked for that
//! `/proc/net/ip_tables_names` lists.

use std::io;

use droplens_model::Family;
use droplens_model::sample::firewall::Ruleset;

use super::xtables::{self, Info};
use crate::sockopt::TablesSocket;
use crate::{FileReader, ReadError, Root, text};

/// How often a table is read again when it was replaced meanwhile.
const ATTEMPTS: u32 = 3;

/// Reads the tables of both families.
#[derive(Debug)]
pub(super) struct Legacy {
    families: [Tables; 2],
}

/// The tables of one family.
#[derive(Debug)]
struct Tables {
    family: Family,
    names: FileReader,
    socket: Option<TablesSocket>,
}

impl Legacy {
    /// Nothing is opened yet.
    pub(super) fn new(root: &Root) -> Self {
        let tables = |family, names| Tables {
            family,
            names: FileReader::new(root.net(names)),
            socket: None,
        };
        Self {
            families: [
                tables(Family::V4, "ip_tables_names"),
                tables(Family::V6, "ip6_tables_names"),
            ],
        }
    }

    /// What the tables of both families can drop now, and whether none was replaced all the time
    /// while it was read.
    pub(super) fn read(&mut self) -> Result<(Ruleset, bool), ReadError> {
        let mut all = Ruleset::default();
        let mut steady = true;
        for tables in &mut self.families {
            steady &= tables.read(&mut all)?;
        }
        Ok((all, steady))
    }
}

impl Tables {
    fn read(&mut self, all: &mut Ruleset) -> Result<bool, ReadError> {
        let names = match self.names.parse(|names| {
            let lines = text::lines(names);
            lines
                .map(|(line, name)| text::utf8(name, line).map(str::to_owned))
                .collect::<Result<Vec<_>, _>>()
        }) {
            Ok(names) => names,
            // Without the file there is no table.
            Err(ReadError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Ok(true);
            }
            Err(error) => return Err(error),
        };
        let mut steady = true;
        for name in &names {
            let asked = self.table(name).map_err(|source| ReadError::Sockopt {
                table: name.clone(),
                source,
            })?;
            let Some(mut table) = asked else {
                steady = false;
                continue;
            };
            all.rules.append(&mut table.rules);
            all.chains.append(&mut table.chains);
        }
        Ok(steady)
    }

    /// One table; none if it was replaced during each attempt.
    fn table(&mut self, name: &str) -> io::Result<Option<Ruleset>> {
        let socket = match self.socket.take() {
            Some(socket) => socket,
            None => TablesSocket::open(self.family)?,
        };
        let socket = self.socket.insert(socket);
        for _ in 0..ATTEMPTS {
            let info = info(socket, name)?;
            let entries = match socket.entries(name, info.size) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                entries => entries?,
            };
            if self::info(socket, name)? == info {
                let table = xtables::parse(self.family, name, &info, &entries);
                return table.map(Some).map_err(malformed);
            }
        }
        Ok(None)
    }
}

fn info(socket: &TablesSocket, name: &str) -> io::Result<Info> {
    Info::parse(&socket.info(name)?).map_err(malformed)
}

fn malformed(error: crate::ParseError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
