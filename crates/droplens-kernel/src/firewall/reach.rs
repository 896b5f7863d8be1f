//! From which hooks packets can come to a chain.

use droplens_model::sample::firewall::Hooks;

/// Gives each chain the hooks of all chains that lead to it. Chains are numbers; `jumps` are pairs
/// of the chain that jumps (or goes) and the one it leads to. Loops and unknown chains do no harm.
pub(super) fn spread(hooks: &mut [Hooks], mut jumps: Vec<(usize, usize)>) {
    jumps.sort_unstable();
    jumps.dedup();
    let hooked = |(chain, hooks): (usize, &Hooks)| (!hooks.is_empty()).then_some(chain);
    let mut changed: Vec<usize> = hooks.iter().enumerate().filter_map(hooked).collect();
    while let Some(chain) = changed.pop() {
        let from = hooks.get(chain).copied().unwrap_or_default();
        let start = jumps.partition_point(|(jumping, _)| *jumping < chain);
        let own = jumps.get(start..).unwrap_or_default().iter();
        for &(_, target) in own.take_while(|(jumping, _)| *jumping == chain) {
            let Some(known) = hooks.get_mut(target) else {
                continue;
            };
            let union = known.union(from);
            if union != *known {
                *known = union;
                changed.push(target);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use droplens_model::sample::firewall::Hook;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hooks_follow_the_jumps_and_nothing_else() {
        let (input, output) = (
            Hooks::NONE.with(Hook::Input),
            Hooks::NONE.with(Hook::Output),
        );
        let mut hooks = [input, output, Hooks::NONE, Hooks::NONE, Hooks::NONE];
        spread(&mut hooks, vec![(0, 2), (2, 3), (1, 3), (4, 2)]);
        assert_eq!(
            hooks,
            [input, output, input, input.union(output), Hooks::NONE]
        );
    }

    proptest! {
        #[test]
        fn any_jumps_come_to_an_end(
            jumps in proptest::collection::vec((0_usize..9, 0_usize..9), 0..40),
        ) {
            let mut hooks: Vec<Hooks> =
                Hook::ALL.map(|hook| Hooks::NONE.with(hook)).into();
            spread(&mut hooks, jumps.clone());
            for (from, to) in jumps {
                if let (Some(from), Some(to)) = (hooks.get(from), hooks.get(to)) {
                    prop_assert_eq!(to.union(*from), *to);
                }
            }
        }
    }
}
