//! The indices of devices, which control messages name them by.

use std::collections::HashMap;
use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use droplens_model::{Moment, Name};

use crate::sys::egress::interface_index;

/// A device that is made anew gets another index, so none is remembered for longer.
const FRESH: Duration = Duration::from_secs(1);

/// What is known of devices. Bounded by the names in the configuration.
#[derive(Debug, Default)]
pub(super) struct Interfaces(HashMap<Name, (u32, Moment)>);

impl Interfaces {
    /// The index of a device; an error if there is none of that name.
    pub(super) fn index(
        &mut self,
        socket: &impl AsFd,
        name: &Name,
        now: Moment,
    ) -> io::Result<u32> {
        if let Some((index, read)) = self.0.get(name)
            && now.since(*read) < FRESH
        {
            return Ok(*index);
        }
        let index = interface_index(socket, name)?;
        self.0.insert(name.clone(), (index, now));
        Ok(index)
    }
}
