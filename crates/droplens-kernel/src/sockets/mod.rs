//! TCP and UDP sockets.
