//! How round-trip times are spread, as a bar of characters.

/// Columns of the bar.
const COLUMNS: usize = 24;

/// From few to many.
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The same in ASCII.
const ASCII: [char; 8] = ['.', ':', '-', '=', '+', '*', '%', '#'];

/// A bar from the shortest to the longest time; each column is as high as many times are in it. None
/// if there are too few times, or all are the same.
pub(super) fn bar(times: &[f64], unicode: bool) -> Option<String> {
    let shortest = times.iter().copied().reduce(f64::min)?;
    let longest = times.iter().copied().reduce(f64::max)?;
    let width = (longest - shortest) / COLUMNS as f64;
    if times.len() < 4 || !width.is_finite() || width <= 0.0 {
        return None;
    }
    let edge = |column: usize| shortest + width * column as f64;
    let counts: Vec<usize> = (0..COLUMNS)
        .map(|column| {
            let last = column + 1 == COLUMNS;
            let within = times
                .iter()
                .filter(|time| **time >= edge(column) && (last || **time < edge(column + 1)));
            within.count()
        })
        .collect();
    let most = counts.iter().copied().max().filter(|most| *most > 0)?;
    let levels = if unicode { &BLOCKS } else { &ASCII };
    let bar = counts.iter().map(|count| match count {
        0 => ' ',
        count => {
            let level = (count * levels.len()).div_ceil(most).saturating_sub(1);
            levels.get(level).copied().unwrap_or(' ')
        }
    });
    Some(bar.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_usual_times_are_highest() {
        let mut times = vec![1.0; 8];
        times.extend([25.0, 25.0, 12.5]);
        let bar = bar(&times, true).unwrap();
        assert_eq!(bar.chars().count(), COLUMNS);
        assert_eq!(bar.chars().next(), Some('█'));
        assert_eq!(bar.chars().last(), Some('▂'));
        assert_eq!(bar.trim_matches(['█', '▂']).trim(), "▁");
    }

    #[test]
    fn without_a_spread_there_is_no_bar() {
        assert_eq!(bar(&[1.0; 9], true), None);
        assert_eq!(bar(&[1.0, 2.0], true), None);
        assert_eq!(bar(&[], true), None);
        assert!(bar(&[1.0, 2.0, 3.0, 4.0], false).unwrap().is_ascii());
    }
}
