//! What comes before what, by place: the same decisions as
//! `alembic.script.revision.RevisionMap`, so that the order shown is the order applied.

/// A set of places.
#[derive(Clone, Debug)]
pub(super) struct Set(Vec<u64>);

impl Set {
    fn new(places: usize) -> Self {
        Self(vec![0; places.div_ceil(64)])
    }

    pub(super) fn contains(&self, at: usize) -> bool {
        self.0.get(at / 64).is_some_and(|word| word & (1 << (at % 64)) != 0)
    }

    /// The places of this set that are not in `other`.
    pub(super) fn without(mut self, other: &Self) -> Self {
        for (word, gone) in self.0.iter_mut().zip(&other.0) {
            *word &= !gone;
        }
        self
    }

    /// Adds a place; says whether it was new.
    fn insert(&mut self, at: usize) -> bool {
        let new = !self.contains(at);
        if let Some(word) = self.0.get_mut(at / 64) {
            *word |= 1 << (at % 64);
        }
        new
    }

    fn remove(&mut self, at: usize) {
        if let Some(word) = self.0.get_mut(at / 64) {
            *word &= !(1 << (at % 64));
        }
    }
}

/// For each place, what it comes after.
#[derive(Debug, Default)]
pub(super) struct Edges {
    /// `down_revision`.
    down: Vec<Vec<usize>>,
    /// `depends_on`.
    needs: Vec<Vec<usize>>,
    /// `down`, and those of `needs` that no ancestor needs already.
    walked: Vec<Vec<usize>>,
}

impl Edges {
    /// Adds the next place.
    pub(super) fn push(&mut self, down: Vec<usize>, needs: Vec<usize>) {
        let mut both = down.clone();
        both.extend(needs.iter().filter(|need| !down.contains(need)));
        self.walked.push(both);
        self.down.push(down);
        self.needs.push(needs);
    }

    /// The places that lie on or after a circle; none in a sound history.
    pub(super) fn circle(&self) -> Vec<usize> {
        let mut after: Vec<Vec<usize>> = vec![Vec::new(); self.down.len()];
        let mut missing: Vec<usize> = self.walked.iter().map(Vec::len).collect();
        for (at, before) in self.walked.iter().enumerate() {
            for place in before {
                after[*place].push(at);
            }
        }
        let mut ready: Vec<usize> = (0..missing.len()).filter(|at| missing[*at] == 0).collect();
        let mut settled = Set::new(missing.len());
        while let Some(at) = ready.pop() {
            settled.insert(at);
            for next in &after[at] {
                missing[*next] -= 1;
                if missing[*next] == 0 {
                    ready.push(*next);
                }
            }
        }
        self.trimmed(&settled, &after)
    }

    /// Of the places that are not settled, those that another of them comes after: without the
    /// innocent that only follow the circle.
    fn trimmed(&self, settled: &Set, after: &[Vec<usize>]) -> Vec<usize> {
        let mut left: Vec<usize> = (0..self.down.len()).filter(|at| !settled.contains(*at)).collect();
        loop {
            let kept: Vec<usize> = left
                .iter()
                .copied()
                .filter(|at| after[*at].iter().any(|next| left.binary_search(next).is_ok()))
                .collect();
            if kept.len() == left.len() {
                return kept;
            }
            left = kept;
        }
    }

    /// Leaves out of what is walked each dependency that an ancestor has too, as
    /// `_normalize_depends_on` does. The history must be without circles.
    pub(super) fn normalize(&mut self) {
        for at in 0..self.down.len() {
            if self.needs[at].is_empty() {
                continue;
            }
            let before = reached(&self.down, &[at]);
            let mut inherited = Set::new(self.down.len());
            for ancestor in (0..self.down.len()).filter(|place| *place != at && before.contains(*place)) {
                for need in &self.needs[ancestor] {
                    inherited.insert(*need);
                }
            }
            let mut walked = self.down[at].clone();
            for need in &self.needs[at] {
                if !inherited.contains(*need) && !walked.contains(need) {
                    walked.push(*need);
                }
            }
            self.walked[at] = walked;
        }
    }

    /// The places that are nobody's parent.
    pub(super) fn heads(&self) -> Vec<usize> {
        self.unnamed(&[&self.down])
    }

    /// The places that are nobody's parent and nobody's dependency.
    pub(super) fn real_heads(&self) -> Vec<usize> {
        self.unnamed(&[&self.down, &self.needs])
    }

    fn unnamed(&self, lists: &[&Vec<Vec<usize>>]) -> Vec<usize> {
        let mut named = Set::new(self.down.len());
        for place in lists.iter().flat_map(|list| list.iter().flatten()) {
            named.insert(*place);
        }
        (0..self.down.len()).filter(|at| !named.contains(*at)).collect()
    }

    /// The places `from` and everything they come after.
    pub(super) fn ancestors(&self, from: &[usize]) -> Set {
        reached(&self.walked, from)
    }

    /// The places of `wanted`, walked down from `heads` as `_topological_sort` does: one line as
    /// long as nothing else still to be walked comes after it, then the next.
    pub(super) fn newest_first(&self, mut wanted: Set, heads: &[usize]) -> Vec<usize> {
        let mut open: Vec<usize> = heads.iter().copied().filter(|at| wanted.contains(*at)).collect();
        open.sort_unstable();
        open.dedup();
        let mut before: Vec<Set> = open.iter().map(|at| self.ancestors(&[*at])).collect();
        let (mut order, mut here) = (Vec::new(), 0);
        while let Some(&candidate) = open.get(here) {
            let later = (0..open.len()).find(|at| *at != here && before[*at].contains(candidate));
            if let Some(later) = later {
                here = later;
                continue;
            }
            if wanted.contains(candidate) {
                order.push(candidate);
                wanted.remove(candidate);
            }
            let walked = &self.walked[candidate];
            let next: Vec<usize> =
                walked.iter().copied().filter(|at| wanted.contains(*at) && !open.contains(at)).collect();
            let Some((first, others)) = next.split_first() else {
                open.remove(here);
                before.remove(here);
                here = here.saturating_sub(1);
                continue;
            };
            open[here] = *first;
            if walked.len() == 1 {
                // On a plain line the ancestors of the next are these without the one just left.
                before[here].remove(candidate);
            } else {
                before[here] = self.ancestors(&[*first]);
            }
            open.extend(others);
            before.extend(others.iter().map(|at| self.ancestors(&[*at])));
        }
        order
    }
}

fn reached(edges: &[Vec<usize>], from: &[usize]) -> Set {
    let mut seen = Set::new(edges.len());
    let mut waiting = from.to_vec();
    while let Some(at) = waiting.pop() {
        if seen.insert(at) {
            waiting.extend(edges[at].iter().copied());
        }
    }
    seen
}
