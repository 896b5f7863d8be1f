//! What probing costs, beside Debian's `smokeping_prober` asked for the same, and how exact its
//! times are.

mod costs;
mod crowd;
mod round_trips;
mod smokeping;

pub(crate) use costs::print as print_costs;
pub(crate) use round_trips::print as print_round_trips;
