//! Which checks are run: all of them, or those that a person named.

use std::collections::BTreeSet;

use switchback_model::{Config, Failure, Result, code};

use crate::checks::CHECKS;

/// The registered check that stands for the user's own, which are picked by their own names.
const OWN: &str = "user";
/// How alike a name must be to be offered for another.
const NEAR: f64 = 0.7;

/// Which checks are run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pick(Option<BTreeSet<String>>);

impl Pick {
    /// Every check.
    pub const ALL: Self = Self(None);

    /// The built-in checks and the configuration's validations with these names; without names all.
    ///
    /// # Errors
    /// [`code::USAGE`] for a name that no check has, with the nearest one and all that there are.
    pub fn named(config: &Config, names: &[String]) -> Result<Self> {
        if names.is_empty() {
            return Ok(Self::ALL);
        }
        let known = known(config);
        match names.iter().find(|name| !known.contains(&name.as_str())) {
            Some(unknown) => Err(no_such(unknown, &known)),
            None => Ok(Self(Some(names.iter().cloned().collect()))),
        }
    }

    /// Whether a validation of the configuration is run.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.as_ref().is_none_or(|names| names.contains(name))
    }

    /// Whether a registered check is run; the one for the user's own is, where it has something to run.
    pub(crate) fn has_check(&self, name: &str, config: &Config) -> bool {
        match name {
            OWN if self.0.is_some() => config.validations.iter().any(|own| self.has(&own.name)),
            _ => self.has(name),
        }
    }
}

fn known(config: &Config) -> Vec<&str> {
    let built_in = CHECKS.iter().map(|check| check.name()).filter(|name| *name != OWN);
    built_in.chain(config.validations.iter().map(|own| own.name.as_str())).collect()
}

fn no_such(unknown: &str, known: &[&str]) -> Failure {
    let like = |name: &str| strsim::jaro_winkler(&name.to_lowercase(), &unknown.to_lowercase());
    let nearest = known.iter().max_by(|a, b| like(a).total_cmp(&like(b)));
    let failure = Failure::new(code::USAGE, format!("there is no check `{unknown}`"))
        .changed("nothing was looked at, nothing was changed");
    let failure = match nearest.filter(|name| like(name) > NEAR) {
        Some(nearest) => failure.hint(format!("did you mean `{nearest}`?")),
        None => failure,
    };
    failure.hint(format!("the checks there are: {}", known.join(", ")))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const CONFIG: &str = "[migrations]\ntool = \"sql\"\ndirectory = \"migrations\"\n\
        [environments.production]\ndatabase_url = \"postgresql://app@db/app\"\n\
        [[validations]]\nname = \"users have profiles\"\nsql = \"select 0\"\nexpect = 0\n";

    fn pick(names: &[&str]) -> Result<(Config, Pick)> {
        let config = Config::parse(CONFIG, Path::new("/srv/app/switchback.toml"), None, &|_| None)?;
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let picked = Pick::named(&config, &names)?;
        Ok((config, picked))
    }

    fn run(names: &[&str]) -> Vec<&'static str> {
        let (config, picked) = pick(names).unwrap();
        CHECKS.iter().map(|check| check.name()).filter(|name| picked.has_check(name, &config)).collect()
    }

    #[test]
    fn only_what_was_named_is_run() {
        assert_eq!(run(&[]).len(), CHECKS.len());
        assert_eq!(run(&["orphans", "users have profiles"]), ["orphans", "user"]);
        assert_eq!(run(&["orphans"]), ["orphans"]);
        assert!(!pick(&["orphans"]).unwrap().1.has("users have profiles"));
    }

    #[test]
    fn an_unknown_name_is_told_with_the_nearest_and_the_list() {
        for (unknown, nearest) in [("orphan", "`orphans`"), ("Users have profile", "`users have profiles`")] {
            let failure = pick(&[unknown]).unwrap_err();
            assert_eq!(failure.code, code::USAGE);
            assert!(failure.hints[0].contains(nearest), "{:?}", failure.hints);
            assert!(
                failure.hints[1].contains("sequences") && failure.hints[1].contains("users have profiles")
            );
        }
        // The file's name of the user's own checks is no name that a person knows.
        assert_eq!(pick(&["user"]).unwrap_err().code, code::USAGE);
    }
}
