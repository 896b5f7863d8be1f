//! Finding the same thing in two lists.

use rustc_hash::FxHashMap;
use std::hash::Hash;

/// Every element of `to` with its counterpart in `from`, if it was there.
///
/// Lists of the same things in the same order, which is what the kernel gives nearly always, are
/// walked side by side; only when they differ is a table made.
pub(super) fn pairs<'a, T, K: Eq + Hash + 'a>(
    from: &'a [T],
    to: &'a [T],
    key: impl Fn(&'a T) -> K,
) -> Vec<(Option<&'a T>, &'a T)> {
    let same = from.len() == to.len() && from.iter().zip(to).all(|(a, b)| key(a) == key(b));
    if same {
        return from.iter().map(Some).zip(to).collect();
    }
    let known: FxHashMap<K, &T> = from.iter().map(|element| (key(element), element)).collect();
    to.iter()
        .map(|element| (known.get(&key(element)).copied(), element))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_find_their_counterparts_in_any_order() {
        let from = [(1, 'a'), (2, 'b'), (3, 'c')];
        let to = [(3, 'C'), (4, 'D'), (1, 'A')];
        let found = pairs(&from, &to, |(key, _)| *key);
        let found: Vec<_> = found
            .into_iter()
            .map(|(from, to)| (from.map(|from| from.1), to.1))
            .collect();
        assert_eq!(found, [(Some('c'), 'C'), (None, 'D'), (Some('a'), 'A')]);
        assert_eq!(pairs(&from, &from, |(key, _)| *key).len(), 3);
    }
}
