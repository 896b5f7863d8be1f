//! TCP and UDP sockets.
pub struct SocketsReader;
impl SocketsReader {
    pub fn new(_: &crate::Root) -> Self {
        Self
    }
}
impl crate::Reader for SocketsReader {
    type Sample = droplens_model::sample::sockets::Sockets;
    fn read(&mut self) -> Result<Self::Sample, crate::ReadError> {
        Err(crate::ReadError::File {
            path: "/stub".into(),
            source: std::io::Error::from_raw_os_error(2),
        })
    }
}
