//! The ethtool ioctl: `SIOCETHTOOL` on any socket of the namespace that is asked about.
//!
//! Two of the commands (`ETHTOOL_GSTRINGS`, `ETHTOOL_GSTATS`) write as many entries as the driver
//! has at that moment, whatever the caller made room for. No amount of room beyond the last known
//! count is therefore safe on the heap; answers go to a memory mapping that ends in a page nobody
//! may write to, so that an answer too long ends in `EFAULT` instead of in foreign memory.

use std::ffi::{c_char, c_void};
use std::io;
use std::os::fd::AsRawFd;
use std::ptr::{NonNull, null_mut};

use socket2::{Domain, Socket, Type};

use crate::netlink::{u32_at, u64_at};

/// `ETHTOOL_GDRVINFO`.
const DRIVER_INFO: u32 = 0x3;
/// `ETHTOOL_GSTRINGS`.
const STRINGS: u32 = 0x1b;
/// `ETHTOOL_GSTATS`.
const STATISTICS: u32 = 0x1d;
/// `ETHTOOL_GLINKSETTINGS`.
const LINK_SETTINGS: u32 = 0x4c;
/// `ETH_SS_STATS`: the string set of driver statistics.
const STATISTICS_SET: u32 = 1;
/// `ETH_GSTRING_LEN`.
const NAME_LENGTH: usize = 32;
/// Bytes of `struct ethtool_drvinfo`.
const DRIVER_INFO_LENGTH: usize = 196;
/// Bytes of `struct ethtool_link_settings` without the link mode masks.
const LINK_SETTINGS_LENGTH: usize = 48;
/// Bytes of `struct ethtool_gstrings` before the names.
const STRINGS_HEADER: usize = 12;
/// Bytes of `struct ethtool_stats` before the values.
const STATISTICS_HEADER: usize = 8;

/// Room for an answer: 100 000 names, more than any driver has. Only pages that were written to
/// take memory.
const ROOM: usize = 4 << 20;
/// At least one page on any architecture.
const GUARD: usize = 64 << 10;

/// What a driver tells about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DriverInfo {
    /// The driver's name.
    pub(crate) driver: String,
    /// The firmware's version; empty if the driver does not tell.
    pub(crate) firmware: String,
    /// How many statistics it has.
    pub(crate) statistics: usize,
}

/// Speed and duplex as the kernel writes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LinkSettings {
    /// In Mbit/s; `SPEED_UNKNOWN` is `u32::MAX`.
    pub(crate) speed: u32,
    /// `DUPLEX_HALF` 0, `DUPLEX_FULL` 1, `DUPLEX_UNKNOWN` 255.
    pub(crate) duplex: u8,
}

/// A socket to ask ethtool's questions through, about the devices of the namespace of the thread
/// that opened it.
#[derive(Debug)]
pub(crate) struct EthtoolSocket {
    socket: Socket,
    room: Room,
    /// Words of each link mode mask in this kernel; zero until it said so.
    mask_words: u8,
}

impl EthtoolSocket {
    /// Opens a socket; any family will do, for kernels without IPv4.
    pub(crate) fn open() -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)
            .or_else(|_| {
                Socket::new(
                    Domain::from(libc::AF_NETLINK),
                    Type::from(libc::SOCK_RAW),
                    None,
                )
            })
            .or_else(|_| Socket::new(Domain::UNIX, Type::DGRAM, None))?;
        Ok(Self {
            socket,
            room: Room::new()?,
            mask_words: 0,
        })
    }

    /// The driver's name and how many statistics it has.
    pub(crate) fn driver_info(&mut self, device: &str) -> io::Result<DriverInfo> {
        let answer = self.ask(device, &[DRIVER_INFO], DRIVER_INFO_LENGTH)?;
        parse_driver_info(answer).ok_or_else(unexpected)
    }

    /// The names of the driver's statistics, `NAME_LENGTH` bytes each, padded with NULs.
    pub(crate) fn statistic_names(&mut self, device: &str) -> io::Result<&[u8]> {
        let answer = self.ask(device, &[STRINGS, STATISTICS_SET, 0], ROOM)?;
        parse_names(answer).ok_or_else(unexpected)
    }

    /// The values of the driver's statistics, if there are `count` of them; none if there are
    /// more or fewer now.
    pub(crate) fn statistics(
        &mut self,
        device: &str,
        count: usize,
    ) -> io::Result<Option<Vec<u64>>> {
        let request = [STATISTICS, u32::try_from(count).unwrap_or(u32::MAX)];
        let answer = self.ask(device, &request, ROOM)?;
        parse_statistics(answer, count)
    }

    /// Speed and duplex.
    pub(crate) fn link_settings(&mut self, device: &str) -> io::Result<LinkSettings> {
        if self.mask_words == 0 {
            // The kernel answers a wrong number of words with the negated right one.
            let request = link_settings_request(0);
            let answer = self.ask(device, &request, LINK_SETTINGS_LENGTH)?;
            let words = answer.get(15).copied().unwrap_or_default().cast_signed();
            self.mask_words = words.unsigned_abs();
        }
        let request = link_settings_request(self.mask_words);
        let answer = self.ask(device, &request, LINK_SETTINGS_LENGTH)?;
        parse_link_settings(answer).ok_or_else(unexpected)
    }

    /// Puts the request at the start of the room, asks, and gives the first `length` bytes of
    /// the room, which hold the answer.
    fn ask(&mut self, device: &str, request: &[u32], length: usize) -> io::Result<&[u8]> {
        let mut interface = interface_request(device)?;
        self.room.write(request)?;
        interface.ifr_ifru.ifru_data = self.room.start.as_ptr().cast::<c_char>();
        command(&self.socket, &mut interface)?;
        Ok(self.room.read(length))
    }
}

fn unexpected() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "unexpected answer")
}

fn link_settings_request(mask_words: u8) -> [u32; 12] {
    let mut request = [0; 12];
    request[0] = LINK_SETTINGS;
    request[3] = u32::from_ne_bytes([0, 0, 0, mask_words]);
    request
}

/// `struct ifreq` with this device's name.
#[expect(unsafe_code, reason = "the structure holds a union")]
fn interface_request(device: &str) -> io::Result<libc::ifreq> {
    let name = device.as_bytes();
    // SAFETY: `struct ifreq` is bytes, numbers and pointers: all zeroes is a valid value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    // The name must leave room for a closing NUL.
    if name.is_empty() || name.len() >= request.ifr_name.len() || name.contains(&0) {
        return Err(io::Error::from_raw_os_error(libc::ENODEV));
    }
    for (to, &from) in request.ifr_name.iter_mut().zip(name) {
        *to = c_char::from_ne_bytes([from]);
    }
    Ok(request)
}

/// `SIOCETHTOOL`; the request's data points to the start of a [`Room`].
#[expect(unsafe_code, reason = "no safe wrapper of this ioctl exists")]
fn command(socket: &Socket, interface: &mut libc::ifreq) -> io::Result<()> {
    let code = libc::Ioctl::try_from(libc::SIOCETHTOOL).map_err(|_| unexpected())?;
    loop {
        // SAFETY: the descriptor is open for as long as `socket` is borrowed. `interface` is a
        // whole `struct ifreq` that the kernel reads and writes. Its data pointer is the start of
        // a `Room` (the only callers are in `EthtoolSocket::ask`, which holds that room
        // exclusively): the kernel writes the answer from there upwards, and an answer longer
        // than the room meets the room's guard pages, where the kernel stops with EFAULT.
        let result = unsafe { libc::ioctl(socket.as_raw_fd(), code, &raw mut *interface) };
        if result >= 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// `ROOM` bytes of memory that end in a guard.
#[derive(Debug)]
struct Room {
    start: NonNull<u8>,
}

#[expect(unsafe_code, reason = "the mapping is owned")]
// SAFETY: the mapping belongs to this value alone and to no thread.
unsafe impl Send for Room {}

impl Room {
    #[expect(unsafe_code, reason = "a guarded mapping")]
    fn new() -> io::Result<Self> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a fresh anonymous mapping at an address of the kernel's choosing touches no
        // memory that exists.
        let start = unsafe { libc::mmap(null_mut(), ROOM + GUARD, libc::PROT_NONE, flags, -1, 0) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast::<u8>()).ok_or_else(unexpected)?;
        let room = Self { start };
        // SAFETY: these are the first `ROOM` bytes (a multiple of any page size) of the mapping
        // just made; the rest stays without access.
        let result = unsafe {
            libc::mprotect(
                start.as_ptr().cast::<c_void>(),
                ROOM,
                libc::PROT_READ | libc::PROT_WRITE,
            )
        };
        if result < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(room)
    }

    /// Writes these words to the start, and zeroes over the rest of the longest fixed structure.
    #[expect(unsafe_code, reason = "the mapping is raw memory")]
    fn write(&mut self, words: &[u32]) -> io::Result<()> {
        let mut bytes = [0; DRIVER_INFO_LENGTH];
        let mut rest = bytes.chunks_exact_mut(4);
        for word in words {
            rest.next()
                .ok_or_else(unexpected)?
                .copy_from_slice(&word.to_ne_bytes());
        }
        // SAFETY: the mapping has `ROOM` writable bytes from `start`, more than `bytes`, and does
        // not overlap a local variable.
        unsafe {
            self.start
                .as_ptr()
                .copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        };
        Ok(())
    }

    /// The first `length` bytes, at most all.
    #[expect(unsafe_code, reason = "the mapping is raw memory")]
    fn read(&self, length: usize) -> &[u8] {
        // SAFETY: the mapping has `ROOM` readable bytes from `start`, all of them initialised
        // (to zero by the kernel), and nothing writes to them while the result borrows `self`.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), length.min(ROOM)) }
    }
}

impl Drop for Room {
    #[expect(unsafe_code, reason = "the mapping is owned")]
    fn drop(&mut self) {
        // SAFETY: exactly the mapping made in `new`; every slice of it borrowed `self`.
        unsafe { libc::munmap(self.start.as_ptr().cast::<c_void>(), ROOM + GUARD) };
    }
}

fn parse_driver_info(answer: &[u8]) -> Option<DriverInfo> {
    Some(DriverInfo {
        driver: text(answer.get(4..36)?),
        firmware: text(answer.get(68..100)?),
        statistics: usize::try_from(u32_at(answer, 180)?).ok()?,
    })
}

/// The bytes of all names in a `struct ethtool_gstrings`.
fn parse_names(answer: &[u8]) -> Option<&[u8]> {
    let count = usize::try_from(u32_at(answer, 8)?).ok()?;
    let length = count.checked_mul(NAME_LENGTH)?;
    answer.get(STRINGS_HEADER..STRINGS_HEADER.checked_add(length)?)
}

/// The values in a `struct ethtool_stats`, or none if their number is another one.
fn parse_statistics(answer: &[u8], count: usize) -> io::Result<Option<Vec<u64>>> {
    if u32_at(answer, 4).and_then(|found| usize::try_from(found).ok()) != Some(count) {
        return Ok(None);
    }
    (0..count)
        .map(|index| u64_at(answer, STATISTICS_HEADER + 8 * index))
        .collect::<Option<_>>()
        .map(Some)
        .ok_or_else(unexpected)
}

fn parse_link_settings(answer: &[u8]) -> Option<LinkSettings> {
    // A kernel that still negotiates the number of words has told nothing.
    if answer.get(15)?.cast_signed() <= 0 {
        return None;
    }
    Some(LinkSettings {
        speed: u32_at(answer, 4)?,
        duplex: *answer.get(8)?,
    })
}

/// The names in what [`EthtoolSocket::statistic_names`] gave.
pub(crate) fn names(bytes: &[u8]) -> impl Iterator<Item = String> {
    bytes.chunks_exact(NAME_LENGTH).map(text)
}

/// Text up to the first NUL; drivers promise ASCII, and what is not is replaced.
fn text(field: &[u8]) -> String {
    let end = field.iter().position(|&byte| byte == 0);
    let field = field.get(..end.unwrap_or(field.len())).unwrap_or_default();
    String::from_utf8_lossy(field).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn statistics_answer(count: u32, values: &[u64]) -> Vec<u8> {
        let mut bytes = STATISTICS.to_ne_bytes().to_vec();
        bytes.extend(count.to_ne_bytes());
        bytes.extend(values.iter().flat_map(|value| value.to_ne_bytes()));
        bytes
    }

    #[test]
    fn another_number_of_statistics_is_not_taken_for_the_known_one() {
        let answer = statistics_answer(2, &[7, u64::MAX]);
        assert_eq!(
            parse_statistics(&answer, 2).unwrap(),
            Some(vec![7, u64::MAX])
        );
        assert_eq!(parse_statistics(&answer, 1).unwrap(), None);
        assert_eq!(parse_statistics(&answer, 3).unwrap(), None);
        assert!(parse_statistics(&statistics_answer(3, &[1, 2]), 3).is_err());
    }

    #[test]
    fn names_end_at_their_nul_and_a_full_one_has_none() {
        let mut bytes = [STRINGS, STATISTICS_SET, 2]
            .iter()
            .flat_map(|word| word.to_ne_bytes())
            .collect::<Vec<_>>();
        bytes.extend(b"rx_drops\0garbage after the nul..");
        bytes.extend([b'x'; NAME_LENGTH]);
        let found: Vec<_> = names(parse_names(&bytes).unwrap()).collect();
        assert_eq!(found, ["rx_drops".to_owned(), "x".repeat(NAME_LENGTH)]);
        bytes.pop();
        assert_eq!(parse_names(&bytes), None);
    }

    #[test]
    fn a_name_that_does_not_fit_is_no_device() {
        for name in ["", "sixteen-bytes-xx", "a\0b"] {
            let error = interface_request(name).map(drop).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::ENODEV), "{name:?}");
        }
        let request = interface_request("fifteen-bytes-x").unwrap();
        assert_eq!(request.ifr_name.last(), Some(&0));
    }

    #[test]
    fn an_answer_beyond_the_room_is_stopped_by_the_guard() {
        let room = Room::new().unwrap();
        assert_eq!(room.read(usize::MAX).len(), ROOM);
        // The kernel must refuse to write where the room ends.
        let (mut reader, mut writer) = io::pipe().unwrap();
        io::Write::write_all(&mut writer, b"beyond").unwrap();
        let beyond = room.start.as_ptr().wrapping_add(ROOM).cast::<c_void>();
        #[expect(unsafe_code, reason = "what is tested")]
        // SAFETY: the address lies in the room's guard, which nothing else uses.
        let result = unsafe { libc::read(reader.as_raw_fd(), beyond, 6) };
        assert_eq!(result, -1);
        assert_eq!(
            io::Error::last_os_error().raw_os_error(),
            Some(libc::EFAULT)
        );
        let mut kept = [0; 6];
        io::Read::read_exact(&mut reader, &mut kept).unwrap();
        assert_eq!(&kept, b"beyond");
    }

    proptest! {
        #[test]
        fn any_answer_is_parsed_or_refused(
            bytes in proptest::collection::vec(any::<u8>(), 0..400),
            count in 0_usize..60,
        ) {
            let _ = parse_driver_info(&bytes);
            let _ = parse_link_settings(&bytes);
            if let Some(found) = parse_names(&bytes) {
                prop_assert!(found.len() <= bytes.len());
            }
            if let Ok(Some(values)) = parse_statistics(&bytes, count) {
                prop_assert_eq!(values.len(), count);
            }
        }
    }

    mod live {
        use super::*;

        #[test]
        fn loopback_has_no_driver_statistics_and_nobody_has_no_device() {
            let mut socket = EthtoolSocket::open().unwrap();
            let error = socket.statistic_names("lo").map(<[u8]>::len);
            assert_eq!(error.unwrap_err().raw_os_error(), Some(libc::EOPNOTSUPP));
            let error = socket.driver_info("no-such-device").unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::ENODEV));
        }
    }
}
