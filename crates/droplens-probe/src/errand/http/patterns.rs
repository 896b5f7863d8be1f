//! Regular expressions, each made ready once.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use droplens_model::Name;
use regex::bytes::Regex;

use crate::spec::HttpSpecError;
use crate::spec::http::compile;

/// Expressions that are kept; beyond that all are made anew.
const MOST: usize = 256;

static READY: Mutex<BTreeMap<Name, Regex>> = Mutex::new(BTreeMap::new());

/// The expression, made ready now or before.
pub(super) fn ready(pattern: &Name) -> Result<Regex, HttpSpecError> {
    let known = lock().get(pattern).cloned();
    if let Some(known) = known {
        return Ok(known);
    }
    let made = compile(pattern)?;
    let mut all = lock();
    if all.len() >= MOST {
        all.clear();
    }
    all.insert(pattern.clone(), made.clone());
    Ok(made)
}

fn lock() -> std::sync::MutexGuard<'static, BTreeMap<Name, Regex>> {
    READY.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_many_there_are_the_right_one_is_found() {
        for number in 0..2 * MOST {
            let pattern: Name = format!("^a{number}$").into();
            assert!(
                ready(&pattern)
                    .unwrap()
                    .is_match(format!("a{number}").as_bytes())
            );
            assert!(lock().len() <= MOST);
        }
        assert!(ready(&"(".into()).is_err());
    }
}
