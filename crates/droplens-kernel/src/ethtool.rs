//! The `ethtool` generic netlink family.
pub struct EthtoolReader; impl EthtoolReader { pub fn new() -> Self { Self } } impl crate::Reader for EthtoolReader { type Sample = droplens_model::sample::ethtool::Ethtool; fn read(&mut self) -> Result<Self::Sample, crate::ReadError> { Err(crate::ReadError::File{path: "/stub".into(), source: std::io::Error::from_raw_os_error(2)}) } }
