//! What is attached to what, found from both sides.

use std::borrow::Borrow;
use std::collections::BTreeMap;

/// Pairs of a left and a right item, each with a value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Relation<L, R, V = ()> {
    rights: BTreeMap<L, BTreeMap<R, V>>,
    lefts: BTreeMap<R, BTreeMap<L, V>>,
}

impl<L, R, V> Default for Relation<L, R, V> {
    fn default() -> Self {
        Self { rights: BTreeMap::new(), lefts: BTreeMap::new() }
    }
}

impl<L: Ord + Clone, R: Ord + Clone, V: Copy> Relation<L, R, V> {
    /// Adds a pair, or replaces its value.
    pub(crate) fn insert(&mut self, left: &L, right: &R, value: V) {
        self.rights.entry(left.clone()).or_default().insert(right.clone(), value);
        self.lefts.entry(right.clone()).or_default().insert(left.clone(), value);
    }

    /// Removes a pair, if it is there.
    pub(crate) fn remove(&mut self, left: &L, right: &R) {
        if let Some(rights) = self.rights.get_mut(left) {
            rights.remove(right);
            if rights.is_empty() {
                self.rights.remove(left);
            }
        }
        if let Some(lefts) = self.lefts.get_mut(right) {
            lefts.remove(left);
            if lefts.is_empty() {
                self.lefts.remove(right);
            }
        }
    }

    /// Removes all pairs of a left item.
    pub(crate) fn remove_left(&mut self, left: &L) {
        let rights: Vec<R> = self.rights_of(left).map(|(right, _)| right.clone()).collect();
        for right in &rights {
            self.remove(left, right);
        }
    }

    /// Removes all pairs of a right item.
    pub(crate) fn remove_right(&mut self, right: &R) {
        let lefts: Vec<L> = self.lefts_of(right).map(|(left, _)| left.clone()).collect();
        for left in &lefts {
            self.remove(left, right);
        }
    }

    /// Returns the value of a pair.
    pub(crate) fn get<Q>(&self, left: &Q, right: &R) -> Option<V>
    where
        L: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        self.rights.get(left)?.get(right).copied()
    }

    /// Returns what a left item has, in order.
    pub(crate) fn rights_of<'a, Q>(
        &'a self,
        left: &Q,
    ) -> impl Iterator<Item = (&'a R, V)> + use<'a, L, R, V, Q>
    where
        L: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        self.rights.get(left).into_iter().flatten().map(|(right, value)| (right, *value))
    }

    /// Returns what has a right item, in order.
    pub(crate) fn lefts_of<'a, Q>(
        &'a self,
        right: &Q,
    ) -> impl Iterator<Item = (&'a L, V)> + use<'a, L, R, V, Q>
    where
        R: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        self.lefts.get(right).into_iter().flatten().map(|(left, value)| (left, *value))
    }

    /// Returns all pairs, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&L, &R, V)> {
        self.rights
            .iter()
            .flat_map(|(left, rights)| rights.iter().map(move |(right, value)| (left, right, *value)))
    }

    /// Both maps have the same pairs, and no empty entries.
    #[cfg(test)]
    pub(super) fn check(&self)
    where
        V: PartialEq + std::fmt::Debug,
    {
        for (left, right, value) in self.iter() {
            assert_eq!(self.lefts.get(right).and_then(|lefts| lefts.get(left)).copied(), Some(value));
        }
        let count = |lengths: Vec<usize>| {
            assert!(!lengths.contains(&0));
            lengths.iter().sum::<usize>()
        };
        let rights = count(self.rights.values().map(BTreeMap::len).collect());
        assert_eq!(rights, count(self.lefts.values().map(BTreeMap::len).collect()));
    }
}
