//! Which sources a scrape asks for, and whether for the diagnosis.

use std::fmt;

use droplens_model::{Source, UnknownSource};

/// Which sources a scrape asks for, by `collect[]` and `exclude[]`. The diagnosis, which follows
/// from all of them, is chosen like a source, by [`Self::DIAGNOSIS`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// One bit for each source to be left out, and one for the diagnosis.
    excluded: u64,
}

/// The bit of the diagnosis.
const DIAGNOSIS: u64 = 1 << 63;

const _: () = assert!(Source::ALL.len() <= DIAGNOSIS.trailing_zeros() as usize);

/// An id to select by that is neither a source's nor the diagnosis's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownId(UnknownSource);

impl fmt::Display for UnknownId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The source's error ends with the list of sources.
        write!(f, "{}, {}", self.0, Selection::DIAGNOSIS)
    }
}

impl std::error::Error for UnknownId {}

impl Selection {
    /// The id by which the diagnosis is selected.
    pub const DIAGNOSIS: &'static str = "diagnosis";

    /// Every source, and the diagnosis.
    pub const ALL: Self = Self { excluded: 0 };

    /// Only what is to `collect` (everything if that is nothing), without what is to `exclude`.
    ///
    /// # Errors
    /// An id that is not known; the error lists the known ones.
    pub fn parse<'i>(
        collect: impl IntoIterator<Item = &'i str>,
        exclude: impl IntoIterator<Item = &'i str>,
    ) -> Result<Self, UnknownId> {
        let collect = set(collect)?;
        let exclude = set(exclude)?;
        let excluded = if collect == 0 {
            exclude
        } else {
            !collect | exclude
        };
        Ok(Self { excluded })
    }

    /// Whether a source is asked for.
    pub const fn contains(self, source: Source) -> bool {
        self.excluded & bit(source) == 0
    }

    /// Whether the diagnosis is asked for.
    pub const fn contains_diagnosis(self) -> bool {
        self.excluded & DIAGNOSIS == 0
    }
}

const fn bit(source: Source) -> u64 {
    1 << (source as u32)
}

fn set<'i>(ids: impl IntoIterator<Item = &'i str>) -> Result<u64, UnknownId> {
    ids.into_iter().try_fold(0, |bits, id| {
        let chosen = match id {
            Selection::DIAGNOSIS => DIAGNOSIS,
            source => bit(source.parse().map_err(UnknownId)?),
        };
        Ok(bits | chosen)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(collect: &[&str], exclude: &[&str]) -> Vec<&'static str> {
        let selection = Selection::parse(collect.iter().copied(), exclude.iter().copied()).unwrap();
        Source::ALL
            .iter()
            .filter(|source| selection.contains(**source))
            .map(|source| source.id())
            .collect()
    }

    #[test]
    fn everything_unless_told_otherwise() {
        assert_eq!(chosen(&[], &[]).len(), Source::ALL.len());
        assert_eq!(chosen(&["softnet", "links"], &[]), ["softnet", "links"]);
        assert_eq!(chosen(&["softnet", "links"], &["links"]), ["softnet"]);
        assert_eq!(chosen(&[], &["driver"]).len(), Source::ALL.len() - 1);
        assert!(!chosen(&[], &["driver"]).contains(&"driver"));
    }

    #[test]
    fn the_diagnosis_is_chosen_like_a_source() {
        let diagnosis = |collect: &[&str], exclude: &[&str]| {
            let selection =
                Selection::parse(collect.iter().copied(), exclude.iter().copied()).unwrap();
            selection.contains_diagnosis()
        };
        assert!(diagnosis(&[], &[]) && diagnosis(&[], &["driver"]));
        assert!(!diagnosis(&["softnet"], &[]) && !diagnosis(&[], &["diagnosis"]));
        assert!(diagnosis(&["softnet", "diagnosis"], &[]));
        assert_eq!(chosen(&["diagnosis"], &[]), [""; 0]);
        assert_eq!(chosen(&[], &["diagnosis"]).len(), Source::ALL.len());
    }

    #[test]
    fn an_unknown_id_is_refused_with_the_known_ones() {
        assert!(Selection::parse([], ["softnets"]).is_err());
        let refusal = Selection::parse(["softnets"], []).unwrap_err().to_string();
        for id in ["\"softnets\"", "conntrack, ", ", diagnosis"] {
            assert!(refusal.contains(id), "{refusal}");
        }
    }
}
