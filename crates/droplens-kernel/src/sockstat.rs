//! Sockets in use.
