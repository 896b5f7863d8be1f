//! Which sources a scrape asks for.

use droplens_model::{Source, UnknownSource};

/// Which sources a scrape asks for, by `collect[]` and `exclude[]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// One bit for each source to be left out.
    excluded: u64,
}

const _: () = assert!(Source::ALL.len() <= u64::BITS as usize);

impl Selection {
    /// Every source.
    pub const ALL: Self = Self { excluded: 0 };

    /// Only the sources to `collect` (every source if there are none), without those to `exclude`.
    ///
    /// # Errors
    /// An id that no source has; the error lists the known ones.
    pub fn parse<'i>(
        collect: impl IntoIterator<Item = &'i str>,
        exclude: impl IntoIterator<Item = &'i str>,
    ) -> Result<Self, UnknownSource> {
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
}

const fn bit(source: Source) -> u64 {
    1 << (source as u32)
}

fn set<'i>(ids: impl IntoIterator<Item = &'i str>) -> Result<u64, UnknownSource> {
    ids.into_iter()
        .try_fold(0, |bits, id| Ok(bits | bit(id.parse()?)))
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
    fn an_unknown_source_is_refused() {
        assert!(Selection::parse(["softnets"], []).is_err());
        assert!(Selection::parse([], ["softnets"]).is_err());
    }
}
