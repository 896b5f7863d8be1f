//! Generic netlink: families with names, and the number the kernel gave each.

use std::time::Duration;

use neli::consts::socket::NlFamily;

use super::{Attributes, Completeness, Netlink, Request};
use crate::ReadError;
use crate::error::ParseError;

/// `GENL_ID_CTRL`.
const CONTROLLER: u16 = 0x10;
/// `CTRL_CMD_GETFAMILY`.
const GET_FAMILY: u8 = 3;
/// `CTRL_ATTR_FAMILY_ID`.
const FAMILY_ID: u16 = 1;
/// `CTRL_ATTR_FAMILY_NAME`.
const FAMILY_NAME: u16 = 2;
/// Bytes of `struct genlmsghdr`.
const HEADER: usize = 4;

/// A socket that speaks to one generic netlink family.
#[derive(Debug)]
pub struct Generic {
    netlink: Netlink,
    family: u16,
}

impl Generic {
    /// Opens a socket and looks the family up. `ENOENT` means that this kernel does not have it;
    /// asking loads no module.
    pub fn open(family: &str, timeout: Duration) -> Result<Self, ReadError> {
        let mut netlink = Netlink::open(NlFamily::Generic, timeout)?;
        let mut name = family.as_bytes().to_vec();
        name.push(0);
        let request = Request::get("CTRL_CMD_GETFAMILY", CONTROLLER)
            .body(&[GET_FAMILY, 1, 0, 0])
            .attribute(FAMILY_NAME, &name);
        let mut id = 0;
        netlink.request(
            &request,
            &mut id,
            |_| (),
            |id, _, payload| {
                if let Some(attribute) =
                    Attributes::new(payload.get(HEADER..).unwrap_or_default()).find(FAMILY_ID)?
                {
                    *id = attribute.u16()?;
                }
                Ok(())
            },
        )?;
        Ok(Self {
            netlink,
            family: id,
        })
    }

    /// A dump request of this family.
    pub fn dump(&self, name: &'static str, command: u8) -> Request {
        Request::dump(name, self.family).body(&[command, 1, 0, 0])
    }

    /// A request of this family for one object.
    pub fn get(&self, name: &'static str, command: u8) -> Request {
        Request::get(name, self.family).body(&[command, 1, 0, 0])
    }

    /// Sends a request and hands the attributes of each message of the answer to `handle`; see
    /// [`Netlink::request`].
    pub fn request<T>(
        &mut self,
        request: &Request,
        state: &mut T,
        restart: impl FnMut(&mut T),
        mut handle: impl FnMut(&mut T, Attributes<'_>) -> Result<(), ParseError>,
    ) -> Result<Completeness, ReadError> {
        self.netlink
            .request(request, state, restart, |state, _, payload| {
                handle(
                    state,
                    Attributes::new(payload.get(HEADER..).unwrap_or_default()),
                )
            })
    }
}
