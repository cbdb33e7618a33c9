//! A map that can be put back to how it was, at the price of what was changed.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::Hash;

use hashbrown::{Equivalent, HashMap};

use super::Relation;

/// A map by name. It is read as any other; what changes it notes what was there before, while that is
/// asked for. Names are looked up many times for each statement and told in order hardly ever, so that
/// order is made when it is asked for.
#[derive(Clone)]
pub(super) struct Map<K, V> {
    now: HashMap<K, V>,
    /// What was changed since [`Map::mark`], as it was then; nothing where it is not asked for.
    before: Option<HashMap<K, Option<V>>>,
}

impl<K, V> Default for Map<K, V> {
    fn default() -> Self {
        Self { now: HashMap::new(), before: None }
    }
}

/// In order, so that two that hold the same look the same.
impl<K: fmt::Debug + Ord, V: fmt::Debug> fmt::Debug for Map<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let now: BTreeMap<_, _> = self.now.iter().collect();
        let before: Option<BTreeMap<_, _>> = self.before.as_ref().map(|before| before.iter().collect());
        f.debug_struct("Map").field("now", &now).field("before", &before).finish()
    }
}

impl<K: Hash + Ord + Clone, V: Clone> Map<K, V> {
    /// By a name, or by what stands for one.
    pub(super) fn get(&self, key: &(impl Hash + Equivalent<K>)) -> Option<&V> {
        self.now.get(key)
    }

    pub(super) fn contains_key(&self, key: &(impl Hash + Equivalent<K>)) -> bool {
        self.now.contains_key(key)
    }

    /// Names and values, by name.
    pub(super) fn sorted(&self) -> Vec<(&K, &V)> {
        let mut all: Vec<_> = self.now.iter().collect();
        all.sort_unstable_by_key(|(key, _)| *key);
        all
    }

    /// From here on it can be put back.
    pub(super) fn mark(&mut self) {
        self.before = Some(HashMap::new());
    }

    /// Puts it back to how it was at the mark, which is gone then.
    pub(super) fn back(&mut self) {
        for (key, value) in self.before.take().into_iter().flatten() {
            match value {
                Some(value) => self.now.insert(key, value),
                None => self.now.remove(&key),
            };
        }
    }

    pub(super) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.note(key);
        self.now.get_mut(key)
    }

    pub(super) fn insert(&mut self, key: K, value: V) {
        match &mut self.before {
            Some(before) if !before.contains_key(&key) => {
                let was = self.now.insert(key.clone(), value);
                before.insert(key, was);
            }
            _ => {
                self.now.insert(key, value);
            }
        }
    }

    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        self.note(key);
        self.now.remove(key)
    }

    /// Every value, to be changed.
    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.note_all();
        self.now.values_mut()
    }

    /// Leaves nothing.
    pub(super) fn clear(&mut self) {
        self.note_all();
        self.now.clear();
    }

    /// The value, which is made where there is none.
    pub(super) fn get_or_insert_with(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        self.note(&key);
        self.now.entry(key).or_insert_with(make)
    }

    fn note_all(&mut self) {
        if let Some(before) = &mut self.before {
            for (key, value) in &self.now {
                before.entry(key.clone()).or_insert_with(|| Some(value.clone()));
            }
        }
    }

    fn note(&mut self, key: &K) {
        if let Some(before) = self.before.as_mut().filter(|before| !before.contains_key(key)) {
            before.insert(key.clone(), self.now.get(key).cloned());
        }
    }
}

impl<V> Map<Relation, V> {
    /// The names in a schema, in their order.
    pub(super) fn names_in(&self, schema: &str) -> Vec<Relation> {
        let within = |name: &&Relation| name.schema.as_deref() == Some(schema);
        let mut names: Vec<Relation> = self.now.keys().filter(within).cloned().collect();
        names.sort_unstable();
        names
    }
}

#[cfg(test)]
mod tests {
    use super::Map;

    #[test]
    fn it_goes_back_to_its_mark() {
        let mut map: Map<&str, u32> = Map::default();
        map.insert("kept", 1);
        map.insert("changed", 1);
        map.insert("gone", 1);
        map.mark();
        map.insert("new", 2);
        *map.get_or_insert_with("newer", || 2) += 1;
        map.remove(&"gone");
        map.insert("gone", 3);
        map.get_mut(&"changed").into_iter().for_each(|value| *value = 2);
        map.remove(&"changed");
        assert_eq!(map.get(&"newer"), Some(&3));
        map.values_mut().for_each(|value| *value += 1);
        map.clear();
        map.back();
        let now: Vec<_> = map.sorted().into_iter().map(|(key, value)| (*key, *value)).collect();
        assert_eq!(now, [("changed", 1), ("gone", 1), ("kept", 1)]);
        map.insert("kept", 2);
        map.back();
        assert_eq!(map.get(&"kept"), Some(&2), "without a mark it stays");
    }
}
