//! Connection tracking.
pub struct ConntrackReader;
impl ConntrackReader {
    pub fn new(_: &crate::Root) -> Self {
        Self
    }
}
impl crate::Reader for ConntrackReader {
    type Sample = droplens_model::sample::conntrack::Conntrack;
    fn read(&mut self) -> Result<Self::Sample, crate::ReadError> {
        Err(crate::ReadError::File {
            path: "/stub".into(),
            source: std::io::Error::from_raw_os_error(2),
        })
    }
}
