//! What a host can have, and the few hosts in which every two of these things meet.

/// What a host has, and how it is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// `closed` or `read-only`.
    pub fence: &'static str,
    /// `clone`, `dump` or `down`.
    pub restore_point: &'static str,
    /// Whether it has an application that runs.
    pub service: bool,
    /// Whether its code is in a repository that is switched.
    pub code: bool,
    /// Whether it has a maintenance page.
    pub page: bool,
    /// `alembic` or `sql`.
    pub tool: &'static str,
    /// What is pending: `one` migration, `many`, or one and one `outside` of a transaction.
    pub migrations: &'static str,
}

impl Shape {
    /// With everything, as most hosts are.
    pub const DEFAULT: Self = Self {
        fence: "closed",
        restore_point: "clone",
        service: true,
        code: true,
        page: true,
        tool: "alembic",
        migrations: "many",
    };

    /// A database and its migrations alone: what is over quickly, or has to do with nothing else.
    pub const BARE: Self = Self { service: false, code: false, page: false, ..Self::DEFAULT };

    /// Its name, which is unlike any other shape's.
    pub fn name(&self) -> String {
        let mut words = vec![self.fence, self.restore_point, self.tool, self.migrations];
        let parts = [(self.service, "service"), (self.code, "code"), (self.page, "page")];
        words.extend(parts.iter().filter(|(has, _)| *has).map(|(_, part)| *part));
        words.join("+")
    }

    /// The pending migrations and what each follows.
    pub(super) fn pending(&self) -> &'static [(&'static str, &'static str)] {
        match self.migrations {
            "one" => &[("r2", "r1")],
            "outside" => &[("r2", "r1"), ("r5", "r2")],
            _ => &[("r2", "r1"), ("r3", "r2")],
        }
    }

    /// Why there is no such host.
    ///
    /// What stands in for Alembic runs each revision in one transaction: that is what makes it quick.
    /// (Real Alembic leaves its transaction by `autocommit_block`, which ADA's tests do.)
    pub fn impossible(&self) -> Option<&'static str> {
        (self.tool == "alembic" && self.migrations == "outside")
            .then_some("the stand-in for Alembic has no way out of a transaction")
    }

    /// A few shapes in which each value meets each value of everything else at least once, where
    /// that is possible. The same ones each time; of two that are as good, the quicker one.
    pub fn pairwise() -> Vec<Self> {
        let all = every();
        let mut open: Vec<Pair> = all.iter().flat_map(Self::pairs).collect();
        open.sort_unstable();
        open.dedup();
        let mut chosen = Vec::new();
        while !open.is_empty() {
            let news = |shape: &Self| shape.pairs().iter().filter(|pair| open.contains(pair)).count();
            // The first of the best: what is quick comes first.
            let most = all.iter().map(news).max().unwrap_or_default();
            let best = *all.iter().find(|shape| news(shape) == most).unwrap();
            let met = best.pairs();
            open.retain(|pair| !met.contains(pair));
            chosen.push(best);
        }
        chosen
    }

    /// Every two values that meet in it.
    fn pairs(&self) -> Vec<Pair> {
        let has = |has: bool| if has { "with" } else { "without" };
        let (service, code, page) = (has(self.service), has(self.code), has(self.page));
        let values = [self.tool, self.restore_point, self.migrations, self.fence, service, code, page];
        let values: Vec<_> = values.into_iter().enumerate().collect();
        let mut pairs = Vec::new();
        for (at, one) in values.iter().enumerate() {
            pairs.extend(values[at + 1..].iter().map(|other| (*one, *other)));
        }
        pairs
    }
}

impl Default for Shape {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Two values, each with the place of what it is a value of.
type Pair = ((usize, &'static str), (usize, &'static str));

/// Every possible shape, the quick ones first.
fn every() -> Vec<Shape> {
    let mut all = vec![Shape::DEFAULT];
    let mut each =
        |set: &dyn Fn(Shape) -> Vec<Shape>| all = all.iter().flat_map(|shape| set(*shape)).collect();
    each(&|shape| ["sql", "alembic"].map(|tool| Shape { tool, ..shape }).to_vec());
    each(&|shape| [false, true].map(|service| Shape { service, ..shape }).to_vec());
    each(&|shape| ["clone", "down", "dump"].map(|restore_point| Shape { restore_point, ..shape }).to_vec());
    each(&|shape| ["many", "one", "outside"].map(|migrations| Shape { migrations, ..shape }).to_vec());
    each(&|shape| ["closed", "read-only"].map(|fence| Shape { fence, ..shape }).to_vec());
    each(&|shape| [true, false].map(|code| Shape { code, ..shape }).to_vec());
    each(&|shape| [true, false].map(|page| Shape { page, ..shape }).to_vec());
    all.retain(|shape| shape.impossible().is_none());
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_two_values_meet_in_about_a_dozen_shapes() {
        let chosen = Shape::pairwise();
        assert!((9..=14).contains(&chosen.len()), "{}", chosen.len());
        let met: Vec<Pair> = chosen.iter().flat_map(Shape::pairs).collect();
        for shape in every() {
            assert!(shape.pairs().iter().all(|pair| met.contains(pair)), "{}", shape.name());
        }
        let slow = chosen.iter().filter(|shape| shape.tool == "alembic").count();
        assert!(2 * slow <= chosen.len(), "{slow} of {} wait for a shell", chosen.len());
        let mut names: Vec<_> = chosen.iter().map(Shape::name).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), chosen.len());
    }
}
