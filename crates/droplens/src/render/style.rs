//! What the place the text goes to can show.

use rustix::termios;

/// Width where there is no terminal to ask.
const WIDTH: usize = 100;

/// Terminals narrower than this wrap lines themselves.
const NARROWEST: usize = 20;

/// Longer lines are hard to read.
const WIDEST: usize = 120;

/// What the place the text goes to can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Style {
    /// Columns.
    pub(crate) width: usize,
    /// Whether escape sequences for colour are understood and wanted.
    pub(crate) colour: bool,
    /// Whether anything beyond ASCII can be shown.
    pub(crate) unicode: bool,
}

impl Style {
    /// The style of standard output.
    pub(crate) fn detect() -> Self {
        let variable = |name: &str| std::env::var(name).ok();
        let stdout = std::io::stdout();
        let columns = termios::isatty(&stdout)
            .then(|| termios::tcgetwinsize(&stdout).map_or(0, |size| usize::from(size.ws_col)));
        Self::from_environment(variable, columns)
    }

    /// The style by the environment's `variable`s and the `columns` of the terminal, if it is one;
    /// 0 columns mean that it does not tell.
    fn from_environment(variable: impl Fn(&str) -> Option<String>, columns: Option<usize>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let terminal = set("TERM").unwrap_or_else(|| "dumb".to_owned());
        let forced = set("CLICOLOR_FORCE").is_some_and(|value| value != "0");
        // https://no-color.org: present and not empty, whatever its value.
        let colour =
            set("NO_COLOR").is_none() && (forced || (columns.is_some() && terminal != "dumb"));
        // The order in which the C library looks for the locale of characters.
        let unicode = ["LC_ALL", "LC_CTYPE", "LANG"]
            .into_iter()
            .find_map(set)
            .map(|locale| locale.to_ascii_lowercase())
            .is_some_and(|locale| locale.contains("utf-8") || locale.contains("utf8"));
        let width = match columns {
            None => WIDTH,
            Some(0) => 80,
            Some(columns) => columns.clamp(NARROWEST, WIDEST),
        };
        Self {
            width,
            colour,
            // The fonts of the kernel's own console have no ticks and crosses.
            unicode: unicode && terminal != "linux",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn style(variables: &[(&str, &str)], columns: Option<usize>) -> Style {
        let get = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Style::from_environment(get, columns)
    }

    #[test]
    fn a_terminal_gets_colour_unless_it_is_dumb_or_nobody_wants_it() {
        let xterm = ("TERM", "xterm");
        assert!(style(&[xterm], Some(80)).colour);
        assert!(!style(&[xterm], None).colour);
        assert!(!style(&[], Some(80)).colour);
        assert!(!style(&[("TERM", "dumb")], Some(80)).colour);
        assert!(!style(&[xterm, ("NO_COLOR", "0")], Some(80)).colour);
        assert!(style(&[xterm, ("NO_COLOR", "")], Some(80)).colour);
    }

    #[test]
    fn colour_can_be_forced_into_a_pipe_but_not_against_no_color() {
        let force = ("CLICOLOR_FORCE", "1");
        assert!(style(&[force], None).colour);
        assert!(!style(&[("CLICOLOR_FORCE", "0")], None).colour);
        assert!(!style(&[force, ("NO_COLOR", "1")], None).colour);
    }

    #[test]
    fn the_first_locale_that_is_set_decides_about_unicode() {
        assert!(style(&[("LANG", "en_GB.UTF-8")], None).unicode);
        assert!(style(&[("LC_ALL", ""), ("LANG", "C.utf8")], None).unicode);
        assert!(!style(&[("LC_ALL", "C"), ("LANG", "en_GB.UTF-8")], None).unicode);
        assert!(!style(&[], None).unicode);
        assert!(!style(&[("LANG", "C.UTF-8"), ("TERM", "linux")], Some(80)).unicode);
    }

    #[test]
    fn standard_output_has_some_width_wherever_it_goes() {
        assert!((NARROWEST..=WIDEST).contains(&Style::detect().width));
    }

    #[test]
    fn the_width_is_the_terminals_within_reason() {
        assert_eq!(style(&[], None).width, 100);
        assert_eq!(style(&[], Some(0)).width, 80);
        assert_eq!(style(&[], Some(44)).width, 44);
        assert_eq!(style(&[], Some(1)).width, 20);
        assert_eq!(style(&[], Some(300)).width, 120);
    }
}
