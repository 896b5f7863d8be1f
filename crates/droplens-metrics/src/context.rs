//! What encoders need beyond the sample: the devices' names and which of them are folded.

use droplens_model::sample::links::{Link, Links};
use droplens_model::{Derived, IfIndex, Snapshot};

use crate::encoder::Label;
use crate::options::Options;

/// What encoders need beyond the sample.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context<'c> {
    /// All readings.
    pub(crate) snapshot: &'c Snapshot,
    /// What is worked out over time.
    pub(crate) derived: &'c Derived,
    /// What the operator chose.
    pub(crate) options: &'c Options,
}

impl<'c> Context<'c> {
    /// The newest device list, even if it could not be read again.
    fn links(&self) -> Option<&'c Links> {
        self.snapshot.links.last().map(|links| &*links.value)
    }

    /// The label of a device that is shown by itself: none if it is folded or gone.
    pub(crate) fn device(&self, index: IfIndex) -> Option<Label<'c>> {
        let Some(links) = self.links() else {
            return Some(Label::Unnamed(index));
        };
        let link = links.get(index)?;
        (!self.is_folded(link)).then(|| link.name().into())
    }

    /// Whether a device of this name is shown by itself: one that is not known is.
    pub(crate) fn shows(&self, device: &str) -> bool {
        let links = self.links().map_or(&[][..], |links| &links.links);
        !links
            .iter()
            .any(|link| &**link.name() == device && self.is_folded(link))
    }

    /// Whether a device is only shown together with the others of its kind.
    pub(crate) fn is_folded(&self, link: &Link) -> bool {
        let kind = link.attributes.kind.as_deref();
        kind.is_some_and(|kind| self.folds(kind))
    }

    /// Whether the devices of a kind are shown as one.
    pub(crate) fn folds(&self, kind: &str) -> bool {
        self.options.fold_kinds.iter().any(|folded| folded == kind)
    }
}
