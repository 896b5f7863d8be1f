//! Numbers as people read them: `1 204`, `120/s`, `0.02 %`, `2 min 5 s`.

use droplens_model::Timestamp;

/// A whole number with thin groups: `1 204 113`.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// `1 packet`, `1 204 packets`.
pub(super) fn packets(number: u64) -> String {
    counted(number, "packet")
}

/// A number with its noun, in the plural if it takes one.
pub(super) fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count(number))
}

/// A gauge: whole numbers in groups, others with two decimals.
pub(super) fn gauge(value: f64) -> String {
    if !value.is_finite() {
        return "unknown".to_owned();
    }
    let sign = if value < 0.0 { "-" } else { "" };
    let size = value.abs();
    if size.fract() == 0.0 || size >= 1000.0 {
        format!("{sign}{}", rounded(size))
    } else {
        format!("{value:.2}")
    }
}

/// A rate per second: `120/s`, `0.4/s`, `<0.1/s`.
pub(super) fn rate(per_second: f64) -> String {
    if !per_second.is_finite() || per_second < 0.0 {
        "unknown".to_owned()
    } else if per_second == 0.0 {
        "0/s".to_owned()
    } else if per_second < 0.1 {
        "<0.1/s".to_owned()
    } else if per_second < 9.95 {
        format!("{}/s", trimmed(per_second))
    } else {
        format!("{}/s", rounded(per_second))
    }
}

/// A share between 0 and 1 in per cent: `0.02 %`, `1.2 %`, `94 %`.
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if !percent.is_finite() || percent < 0.0 {
        "unknown".to_owned()
    } else if percent == 0.0 {
        "0 %".to_owned()
    } else if percent < 0.01 {
        "<0.01 %".to_owned()
    } else if percent < 0.1 {
        format!("{percent:.2} %")
    } else if percent < 9.95 {
        format!("{} %", trimmed(percent))
    } else if percent > 99.0 && percent < 100.0 {
        ">99 %".to_owned()
    } else {
        format!("{} %", rounded(percent))
    }
}

/// A time span: `200 ms`, `1.2 s`, `2 min 5 s`, `3 h 20 min`, `2 d 4 h`.
pub(super) fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "unknown".to_owned();
    }
    if seconds > 0.0 && seconds < 0.9995 {
        return format!("{:.0} ms", (seconds * 1000.0).max(1.0));
    }
    if seconds < 59.95 {
        return format!("{} s", trimmed(seconds));
    }
    let whole = whole(seconds);
    let (minutes, hours, days) = (whole / 60, whole / 3600, whole / 86_400);
    let two = |large: u64, unit: &str, small: u64, less: &str| {
        if small == 0 {
            format!("{} {unit}", count(large))
        } else {
            format!("{} {unit} {small} {less}", count(large))
        }
    };
    if hours == 0 {
        two(minutes, "min", whole % 60, "s")
    } else if days == 0 {
        two(hours, "h", minutes % 60, "min")
    } else {
        two(days, "d", hours % 24, "h")
    }
}

/// A round-trip time, with the digits that an estimate has: `0.32 ms`, `4.1 ms`, `140 ms`, `1.2 s`.
pub(super) fn round_trip(seconds: f64) -> String {
    let milliseconds = seconds * 1000.0;
    if !milliseconds.is_finite() || milliseconds < 0.0 {
        "unknown".to_owned()
    } else if milliseconds < 0.995 {
        format!("{milliseconds:.2} ms")
    } else if milliseconds < 9.95 {
        format!("{} ms", trimmed(milliseconds))
    } else {
        duration(seconds)
    }
}

/// A number of bytes: `512 B`, `64 kB`, `1.5 MB`; thousands, as links count.
pub(super) fn bytes(bytes: f64) -> String {
    if !bytes.is_finite() || bytes < 0.0 {
        return "unknown".to_owned();
    }
    let mut size = bytes;
    for unit in ["B", "kB", "MB", "GB"] {
        if size < 999.5 {
            let number = if size < 9.95 && unit != "B" {
                trimmed(size)
            } else {
                rounded(size)
            };
            return format!("{number} {unit}");
        }
        size /= 1000.0;
    }
    format!("{} TB", rounded(size))
}

/// An instant to the second, with its date: `2026-01-02 03:04:05`. UTC.
pub(super) fn date(at: Timestamp) -> String {
    let text = at.to_string().replace('T', " ");
    text.split('.').next().unwrap_or_default().to_owned()
}

/// An instant to the millisecond, with its date only if that is not the day of `other`. UTC.
pub(super) fn clock(at: Timestamp, other: Timestamp) -> String {
    let (text, other) = (at.to_string(), other.to_string());
    let day = |text: &str| text.split('T').next().unwrap_or_default().to_owned();
    let shown = if day(&text) == day(&other) {
        text.split('T').nth(1).unwrap_or_default().to_owned()
    } else {
        text.replace('T', " ")
    };
    shown.trim_end_matches('Z').to_owned()
}

/// One decimal, and none if that is zero.
fn trimmed(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

fn rounded(value: f64) -> String {
    count(whole(value))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, and negative values and NaN were sorted out before"
)]
fn whole(value: f64) -> u64 {
    value.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1204, "1 204"),
            (1_000_000, "1 000 000"),
            (u64::MAX, "18 446 744 073 709 551 615"),
        ] {
            assert_eq!(count(number), text);
        }
        assert_eq!(packets(1), "1 packet");
        assert_eq!(packets(0), "0 packets");
    }

    #[test]
    fn rates_and_shares_keep_the_digits_that_matter() {
        for (value, text) in [
            (0.0, "0/s"),
            (0.02, "<0.1/s"),
            (0.44, "0.4/s"),
            (2.0, "2/s"),
            (9.96, "10/s"),
            (120.4, "120/s"),
            (12_040.0, "12 040/s"),
            (f64::NAN, "unknown"),
        ] {
            assert_eq!(rate(value), text);
        }
        for (value, text) in [
            (0.0, "0 %"),
            (0.000_01, "<0.01 %"),
            (0.000_2, "0.02 %"),
            (0.012, "1.2 %"),
            (0.94, "94 %"),
            (0.999, ">99 %"),
            (1.0, "100 %"),
            (f64::INFINITY, "unknown"),
        ] {
            assert_eq!(percent(value), text);
        }
    }

    #[test]
    fn time_spans_use_at_most_two_units() {
        for (seconds, text) in [
            (0.0, "0 s"),
            (0.000_1, "1 ms"),
            (0.2, "200 ms"),
            (0.9999, "1 s"),
            (1.23, "1.2 s"),
            (10.0, "10 s"),
            (59.97, "1 min"),
            (125.0, "2 min 5 s"),
            (12_000.0, "3 h 20 min"),
            (187_200.0, "2 d 4 h"),
            (-1.0, "unknown"),
        ] {
            assert_eq!(duration(seconds), text, "{seconds}");
        }
    }

    #[test]
    fn round_trips_keep_two_digits() {
        for (seconds, text) in [
            (0.000_32, "0.32 ms"),
            (0.0041, "4.1 ms"),
            (0.14, "140 ms"),
            (1.234, "1.2 s"),
            (-1.0, "unknown"),
            (f64::NAN, "unknown"),
        ] {
            assert_eq!(round_trip(seconds), text);
        }
    }

    #[test]
    fn bytes_have_at_most_three_digits() {
        for (size, text) in [
            (0.0, "0 B"),
            (999.0, "999 B"),
            (999.6, "1 kB"),
            (65_536.0, "66 kB"),
            (1_500_000.0, "1.5 MB"),
            (999_999_999.0, "1 GB"),
            (5e15, "5 000 TB"),
            (f64::NAN, "unknown"),
        ] {
            assert_eq!(bytes(size), text, "{size}");
        }
    }

    #[test]
    fn gauges_are_whole_where_they_can_be() {
        assert_eq!(gauge(262_144.0), "262 144");
        assert_eq!(gauge(0.974), "0.97");
        assert_eq!(gauge(-7.0), "-7");
        assert_eq!(gauge(f64::NAN), "unknown");
    }

    #[test]
    fn the_date_is_told_where_it_is_news() {
        let at = Timestamp(1_767_323_045_250);
        assert_eq!(date(at), "2026-01-02 03:04:05");
        assert_eq!(clock(at, at), "03:04:05.250");
        assert_eq!(clock(at, Timestamp(0)), "2026-01-02 03:04:05.250");
    }
}
