//! What is attached to what, found from both sides.

use std::collections::BTreeMap;

/// Pairs of a left and a right item, each with a value.
///
/// Each map has the pairs in the order of one side. `None` is less than every item: it is where the pairs of an item
/// start. Two maps of pairs need half the memory of maps in maps, since most items have one or two.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Relation<L, R, V = ()> {
    by_left: BTreeMap<(L, Option<R>), V>,
    by_right: BTreeMap<(R, Option<L>), V>,
}

impl<L, R, V> Default for Relation<L, R, V> {
    fn default() -> Self {
        Self { by_left: BTreeMap::new(), by_right: BTreeMap::new() }
    }
}

impl<L: Ord + Clone, R: Ord + Clone, V: Copy> Relation<L, R, V> {
    /// Adds a pair, or replaces its value.
    pub(crate) fn insert(&mut self, left: &L, right: &R, value: V) {
        self.by_left.insert((left.clone(), Some(right.clone())), value);
        self.by_right.insert((right.clone(), Some(left.clone())), value);
    }

    /// Removes a pair, if it is there.
    pub(crate) fn remove(&mut self, left: &L, right: &R) {
        self.by_left.remove(&(left.clone(), Some(right.clone())));
        self.by_right.remove(&(right.clone(), Some(left.clone())));
    }

    /// Removes all pairs of a left item.
    pub(crate) fn remove_left(&mut self, left: &L) {
        let rights: Vec<R> = self.rights_of(left.clone()).map(|(right, _)| right.clone()).collect();
        for right in &rights {
            self.remove(left, right);
        }
    }

    /// Removes all pairs of a right item.
    pub(crate) fn remove_right(&mut self, right: &R) {
        let lefts: Vec<L> = self.lefts_of(right.clone()).map(|(left, _)| left.clone()).collect();
        for left in &lefts {
            self.remove(left, right);
        }
    }

    /// Returns the value of a pair.
    pub(crate) fn get(&self, left: L, right: R) -> Option<V> {
        self.by_left.get(&(left, Some(right))).copied()
    }

    /// Returns what a left item has, in order.
    pub(crate) fn rights_of<'a>(&'a self, left: L) -> impl Iterator<Item = (&'a R, V)> + use<'a, L, R, V> {
        pairs_of(&self.by_left, left)
    }

    /// Returns what has a right item, in order.
    pub(crate) fn lefts_of<'a>(&'a self, right: R) -> impl Iterator<Item = (&'a L, V)> + use<'a, L, R, V> {
        pairs_of(&self.by_right, right)
    }

    /// Returns all pairs, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&L, &R, V)> {
        let pairs = self.by_left.iter();
        pairs.filter_map(|((left, right), value)| right.as_ref().map(|right| (left, right, *value)))
    }

    /// Both maps have the same pairs.
    #[cfg(test)]
    pub(super) fn check(&self)
    where
        V: PartialEq + std::fmt::Debug,
    {
        assert_eq!(self.by_left.len(), self.by_right.len());
        for (left, right, value) in self.iter() {
            assert_eq!(self.by_right.get(&(right.clone(), Some(left.clone()))), Some(&value));
        }
    }
}

fn pairs_of<'a, A: Ord + Clone, B: Ord, V: Copy>(
    pairs: &'a BTreeMap<(A, Option<B>), V>,
    item: A,
) -> impl Iterator<Item = (&'a B, V)> + use<'a, A, B, V> {
    let found = pairs.range((item.clone(), None)..).take_while(move |((first, _), _)| *first == item);
    found.filter_map(|((_, second), value)| second.as_ref().map(|second| (second, *value)))
}
