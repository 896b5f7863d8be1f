//! Hardware interrupts.
pub struct InterruptsReader;
impl InterruptsReader {
    pub fn new(_: &crate::Root) -> Self {
        Self
    }
}
impl crate::Reader for InterruptsReader {
    type Sample = droplens_model::sample::interrupts::Interrupts;
    fn read(&mut self) -> Result<Self::Sample, crate::ReadError> {
        Err(crate::ReadError::File {
            path: "/stub".into(),
            source: std::io::Error::from_raw_os_error(2),
        })
    }
}
