//! Which network device an interrupt belongs to.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use droplens_model::Name;

use crate::Root;
use crate::text::decimal;

/// The network devices that hardware backs, with their interrupts.
#[derive(Debug, Default)]
pub(super) struct Owners {
    /// By interface index, so that of devices that share an interrupt the first one comes first.
    devices: Vec<Device>,
    /// The places in `devices` of those that sysfs gives an interrupt.
    claims: HashMap<u32, Vec<usize>>,
    /// The places of the devices to which sysfs gives none.
    unclaimed: Vec<usize>,
}

#[derive(Debug)]
struct Device {
    name: Name,
    /// The bus's name for it (`0000:3b:00.0`, `virtio2`), by which some drivers name interrupts.
    bus_id: Option<String>,
    index: u64,
    irqs: HashSet<u32>,
}

impl Owners {
    /// Looks at `/sys/class/net` now. What cannot be read is left out: it is told by nothing else
    /// than an interrupt without owner.
    pub(super) fn read(root: &Root) -> Self {
        let mut devices: Vec<_> = entries(&root.sys("class/net"))
            .filter_map(|path| Device::read(&path))
            .collect();
        devices.sort_by(|a, b| (a.index, &a.name).cmp(&(b.index, &b.name)));
        Self::new(devices)
    }

    fn new(devices: Vec<Device>) -> Self {
        let mut claims = HashMap::<u32, Vec<usize>>::new();
        let mut unclaimed = Vec::new();
        for (place, device) in devices.iter().enumerate() {
            for irq in &device.irqs {
                claims.entry(*irq).or_default().push(place);
            }
            if device.irqs.is_empty() {
                unclaimed.push(place);
            }
        }
        Self {
            devices,
            claims,
            unclaimed,
        }
    }

    /// The device of an interrupt: the one to which sysfs gives it or, if it gives it to several
    /// (ports of one card) or none, the one that its description names.
    pub(super) fn find(&self, irq: u32, description: &[u8]) -> Option<&Name> {
        match self.claims.get(&irq).map(Vec::as_slice) {
            Some([only]) => self.devices.get(*only).map(|device| &device.name),
            Some(several) => self
                .named(several, description)
                .or_else(|| several.first().and_then(|first| self.devices.get(*first)))
                .map(|device| &device.name),
            None => self
                .named(&self.unclaimed, description)
                .map(|device| &device.name),
        }
    }

    /// The first of these devices that a description names.
    fn named(&self, places: &[usize], description: &[u8]) -> Option<&Device> {
        let by = |word: fn(&Device) -> Option<&str>| {
            places
                .iter()
                .filter_map(|place| self.devices.get(*place))
                .find(|device| word(device).is_some_and(|word| names(description, word)))
        };
        by(|device| Some(&device.name)).or_else(|| by(|device| device.bus_id.as_deref()))
    }

    /// Devices of these names, of which sysfs tells nothing.
    #[cfg(test)]
    pub(super) fn of_names(names: &[&str]) -> Self {
        Self::new(
            names
                .iter()
                .map(|name| Device::test(name, None, &[]))
                .collect(),
        )
    }
}

impl Device {
    /// A device below `/sys/class/net`, if there is hardware behind it.
    fn read(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let hardware = path.join("device");
        if !hardware.is_dir() {
            return None;
        }
        Some(Self {
            name: name.into(),
            bus_id: fs::canonicalize(&hardware)
                .ok()
                .and_then(|path| base(&path)),
            index: number(&path.join("ifindex")).unwrap_or(u64::MAX),
            irqs: irqs(&hardware),
        })
    }

    #[cfg(test)]
    fn test(name: &str, bus_id: Option<&str>, irqs: &[u32]) -> Self {
        Self {
            name: name.into(),
            bus_id: bus_id.map(str::to_owned),
            index: 0,
            irqs: irqs.iter().copied().collect(),
        }
    }
}

/// The interrupts of a device: its message-signalled ones, those of the PCI device below a virtio
/// device, or else its only one.
fn irqs(hardware: &Path) -> HashSet<u32> {
    let own = msi_irqs(hardware);
    if !own.is_empty() {
        return own;
    }
    if subsystem(hardware).as_deref() == Some("virtio") {
        let below = hardware.join("..");
        if subsystem(&below).as_deref() == Some("pci") {
            return irqs(&below);
        }
    }
    number(&hardware.join("irq"))
        .and_then(|irq| u32::try_from(irq).ok())
        .filter(|irq| *irq != 0)
        .into_iter()
        .collect()
}

fn msi_irqs(hardware: &Path) -> HashSet<u32> {
    entries(&hardware.join("msi_irqs"))
        .filter_map(|path| base(&path)?.parse().ok())
        .collect()
}

fn subsystem(hardware: &Path) -> Option<String> {
    base(&fs::read_link(hardware.join("subsystem")).ok()?)
}

fn base(path: &Path) -> Option<String> {
    Some(path.file_name()?.to_str()?.to_owned())
}

fn number(path: &Path) -> Option<u64> {
    decimal(fs::read(path).ok()?.trim_ascii())
}

fn entries(directory: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(directory)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
}

/// Whether a word stands in a description, not as part of a longer one: `eth1` is not in
/// `eth10-TxRx-0`.
fn names(description: &[u8], word: &str) -> bool {
    let word = word.as_bytes();
    let within = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    !word.is_empty()
        && description
            .windows(word.len())
            .enumerate()
            .any(|(start, part)| {
                part == word
                    && !within(
                        start
                            .checked_sub(1)
                            .and_then(|before| description.get(before)),
                    )
                    && !within(description.get(start + word.len()))
            })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_named_only_whole() {
        assert!(names(b"IR-PCI-MSI 1-edge eth0-TxRx-3", "eth0"));
        assert!(names(b"i40e-eth0-TxRx-3", "eth0"));
        assert!(names(b"mlx5_comp3@pci:0000:3b:00.0", "0000:3b:00.0"));
        assert!(names(b"virtio2-input.0", "virtio2"));
        assert!(!names(b"eth10-TxRx-3", "eth1"));
        assert!(!names(b"veth1-TxRx-3", "eth1"));
        assert!(!names(b"virtio20-input.0", "virtio2"));
        assert!(!names(b"", "eth0"));
        assert!(!names(b"eth0", ""));
    }

    #[test]
    fn sysfs_decides_before_names() {
        let owners = Owners::new(vec![
            Device::test("eth0", Some("0000:01:00.0"), &[40, 41, 42]),
            Device::test("eth1", Some("0000:01:00.0"), &[40, 41, 42]),
            Device::test("eth2", Some("0000:02:00.0"), &[50]),
            Device::test("eth3", Some("virtio7"), &[]),
        ]);
        let find =
            |irq, description: &str| owners.find(irq, description.as_bytes()).map(|name| &**name);
        assert_eq!(
            find(50, "eth3-TxRx-0"),
            Some("eth2"),
            "whatever it is called"
        );
        assert_eq!(find(41, "eth1-TxRx-0"), Some("eth1"), "shared: by name");
        assert_eq!(
            find(41, "mlx4-async"),
            Some("eth0"),
            "shared: the first one"
        );
        assert_eq!(find(60, "virtio7-input.0"), Some("eth3"));
        assert_eq!(find(60, "eth2-TxRx-0"), None, "sysfs knows those of eth2");
        assert_eq!(find(60, "nvme0q1"), None);
    }
}
