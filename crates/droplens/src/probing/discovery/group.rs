//! Groups of targets, as Prometheus writes them: `[{"targets": [...], "labels": {...}}]`.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::config::MOST_TARGETS;

/// The largest list that is read, in bytes: 10 000 targets with labels are about 2 MB.
pub(super) const LARGEST: u64 = 8 << 20;

/// Targets with common labels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::probing) struct Group {
    pub(in crate::probing) targets: Vec<String>,
    #[serde(default)]
    pub(in crate::probing) labels: BTreeMap<String, String>,
}

/// Reads a list in JSON.
pub(super) fn json(bytes: &[u8]) -> Result<Vec<Group>, String> {
    bounded(serde_json::from_slice(bytes).map_err(|error| error.to_string())?)
}

/// Reads a list in YAML.
pub(super) fn yaml(bytes: &[u8]) -> Result<Vec<Group>, String> {
    // An empty document is an empty list.
    let groups: Option<Vec<Group>> =
        serde_norway::from_slice(bytes).map_err(|error| error.to_string())?;
    bounded(groups.unwrap_or_default())
}

/// Refuses lists with more targets than can be probed: which of them matter nobody can say.
fn bounded(groups: Vec<Group>) -> Result<Vec<Group>, String> {
    let number: usize = groups.iter().map(|group| group.targets.len()).sum();
    if number > MOST_TARGETS {
        return Err(format!(
            "{number} targets, at most {MOST_TARGETS} are probed"
        ));
    }
    Ok(groups)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_formats_say_the_same() {
        let told =
            json(br#"[{"targets": ["a:1", "b:1"], "labels": {"env": "test"}}, {"targets": []}]"#);
        let groups = told.unwrap();
        assert_eq!(groups[0].targets, ["a:1", "b:1"]);
        assert_eq!(groups[0].labels["env"], "test");
        let told = yaml(b"- targets: [\"a:1\", b:1]\n  labels:\n    env: test\n- targets: []\n");
        assert_eq!(told.unwrap(), groups);
        assert_eq!(yaml(b"").unwrap(), []);
    }

    #[test]
    fn what_is_no_list_of_targets_is_refused() {
        for text in [
            "",
            "{}",
            "[",
            "[{\"labels\": {}}]",
            "[{\"targets\": [1]}]",
            "[{\"targets\": [], \"more\": 1}]",
            "[{\"targets\": [], \"labels\": {\"a\": 1}}]",
        ] {
            assert!(json(text.as_bytes()).is_err(), "{text}");
        }
        assert!(yaml(b"targets: [a]\n").is_err());
        let many = vec!["\"a\""; MOST_TARGETS + 1].join(",");
        let error = json(format!("[{{\"targets\": [{many}]}}]").as_bytes()).unwrap_err();
        assert!(error.contains("10001 targets"), "{error}");
    }

    #[test]
    fn a_document_that_repeats_itself_does_not_fill_the_memory() {
        let mut text = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
        for level in 1..12 {
            let before = level - 1;
            let all = vec![format!("*a{before}"); 10].join(",");
            text = format!("{text}a{level}: &a{level} [{all}]\n");
        }
        assert!(yaml(text.as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = json(&bytes);
            let _ = yaml(&bytes);
        }

        #[test]
        fn any_list_is_survived(text in "[-\\[\\]{}:,&*!a \n\"]{0,60}") {
            let _ = json(text.as_bytes());
            let _ = yaml(text.as_bytes());
        }
    }
}
