//! Every family there is.

use crate::{Family, source};

/// Every family, in the order in which they are written.
pub fn all() -> impl Iterator<Item = &'static Family> {
    source::ALL
        .iter()
        .flat_map(|families| families.iter().copied())
}
