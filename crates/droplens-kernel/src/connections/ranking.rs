//! The few worst of many.

use std::cmp::Reverse;

/// Keeps the items with the highest keys, highest first; of equal ones those that came first.
#[derive(Debug)]
pub(super) struct Top<K, T> {
    most: usize,
    ranked: Vec<(K, T)>,
}

impl<K: Ord, T> Top<K, T> {
    /// Keeps up to this many.
    pub(super) const fn new(most: usize) -> Self {
        Self {
            most,
            ranked: Vec::new(),
        }
    }

    /// Takes an item in if its key is among the highest; it is made only then.
    pub(super) fn offer(&mut self, key: K, item: impl FnOnce() -> T) {
        if self.ranked.len() >= self.most {
            let lowest = self.ranked.last().map(|(lowest, _)| lowest);
            if lowest.is_none_or(|lowest| *lowest >= key) {
                return;
            }
            self.ranked.pop();
        }
        let place = self.ranked.partition_point(|(other, _)| *other >= key);
        self.ranked.insert(place, (key, item()));
    }

    /// Takes in those of another list.
    pub(super) fn merge(&mut self, other: Self) {
        self.ranked.extend(other.ranked);
        self.ranked.sort_by(|(one, _), (other, _)| other.cmp(one));
        self.ranked.truncate(self.most);
    }

    /// The items, highest key first.
    pub(super) fn into_items(self) -> Vec<T> {
        self.ranked.into_iter().map(|(_, item)| item).collect()
    }
}

/// The items with the highest keys among those given, highest first.
pub(super) fn top<T, K: Ord>(most: usize, mut items: Vec<T>, key: impl Fn(&T) -> K) -> Vec<T> {
    items.sort_by_cached_key(|item| Reverse(key(item)));
    items.truncate(most);
    items
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_item_is_made_only_if_it_is_kept() {
        let mut list = Top::new(1);
        list.offer(2, || "two");
        list.offer(2, || unreachable!("the first of equals stays"));
        list.offer(1, || unreachable!("lower"));
        list.offer(3, || "three");
        assert_eq!(list.into_items(), ["three"]);
        let mut none = Top::new(0);
        none.offer(1, || unreachable!("nothing is kept"));
        assert!(none.into_items().is_empty());
    }

    proptest! {
        #[test]
        fn it_is_what_sorting_gives(
            one in proptest::collection::vec(any::<u8>(), 0..40),
            other in proptest::collection::vec(any::<u8>(), 0..40),
            most in 0_usize..20,
        ) {
            let collect = |items: &[u8], from: usize| {
                let mut list = Top::new(most);
                for (place, key) in items.iter().enumerate() {
                    list.offer(*key, || (*key, from + place));
                }
                list
            };
            let mut list = collect(&one, 0);
            list.merge(collect(&other, one.len()));
            let all: Vec<_> = one.iter().chain(&other).copied().enumerate().map(|(i, k)| (k, i)).collect();
            prop_assert_eq!(list.into_items(), top(most, all, |(key, _)| *key));
        }
    }
}
