//! Neighbour tables.
