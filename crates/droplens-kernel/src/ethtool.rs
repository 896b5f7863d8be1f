//! The `ethtool` generic netlink family.
