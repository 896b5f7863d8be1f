//! Prints the reference of all metrics.

fn main() {
    print!("{}", droplens_metrics::catalogue::reference());
}
