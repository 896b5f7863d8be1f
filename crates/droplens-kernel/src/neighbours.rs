//! Neighbour tables.
pub struct NeighboursReader;
impl NeighboursReader {
    pub fn new() -> Self {
        Self
    }
}
impl crate::Reader for NeighboursReader {
    type Sample = droplens_model::sample::neighbours::Neighbours;
    fn read(&mut self) -> Result<Self::Sample, crate::ReadError> {
        Err(crate::ReadError::File {
            path: "/stub".into(),
            source: std::io::Error::from_raw_os_error(2),
        })
    }
}
