//! The ethtool ioctl.
