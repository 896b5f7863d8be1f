//! `droplens man`: the manual page, made of the command line's own descriptions.

use std::io;
use std::process::ExitCode;

use clap::{Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::{Outcome, print};
use crate::cli::Cli;

/// What the command line does not describe itself.
const MORE: &[(&str, &[(&str, &str)])] = &[
    (
        "EXIT STATUS",
        &[
            ("0", "Done. For report: no packet was lost."),
            ("1", "Failed. For report: packets were lost."),
            ("2", "Wrong usage, configuration or files."),
            (
                "3",
                "For report: nothing could be looked at, or the agent that --url names could not be asked.",
            ),
        ],
    ),
    (
        "ENVIRONMENT",
        &[
            ("NO_COLOR", "If set and not empty, no colour is used."),
            (
                "CLICOLOR_FORCE",
                "If set and not 0, colour is used even where standard output is no terminal.",
            ),
        ],
    ),
    (
        "FILES",
        &[(
            "/etc/droplens/config.toml",
            "The configuration, if there is one; droplens config prints one with the defaults.",
        )],
    ),
];

pub(crate) fn run() -> Outcome {
    print(&String::from_utf8(page()?)?)?;
    Ok(ExitCode::SUCCESS)
}

fn page() -> io::Result<Vec<u8>> {
    let droplens = Cli::command().disable_help_subcommand(true);
    let commands: Vec<Command> = droplens.get_subcommands().cloned().collect();
    let man = Man::new(droplens).section("8");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    page.extend(b".SH COMMANDS\n");
    for command in commands {
        page.extend(about(command)?.into_bytes());
    }
    let mut more = Roff::new();
    for (section, items) in MORE {
        more.control("SH", [*section]);
        for (item, meaning) in *items {
            more.control("TP", []);
            more.text([bold(*item)]);
            more.text([roman(*meaning)]);
        }
    }
    page.extend(more.to_roff().into_bytes());
    Ok(page)
}

/// One command with its own options; those that all commands take stand above.
fn about(command: Command) -> io::Result<String> {
    let mut section = Roff::new();
    let title = format!("droplens {}", command.get_name());
    section.control("SS", [title.as_str()]);
    let about = command.get_long_about().or(command.get_about());
    section.text([roman(about.map(ToString::to_string).unwrap_or_default())]);
    let mut out = section.to_roff();
    let command = command
        .disable_help_flag(true)
        .disable_version_flag(true)
        .disable_help_subcommand(true);
    let mut options = Vec::new();
    Man::new(command).render_options_section(&mut options)?;
    let options = String::from_utf8(options).map_err(io::Error::other)?;
    // They belong to this section and need no heading of their own.
    if let Some((_preamble, options)) = options.split_once(".SH OPTIONS\n") {
        out.push_str(options);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_section_stands_there_once() {
        let page = String::from_utf8(page().unwrap()).unwrap();
        for section in [
            "NAME",
            "SYNOPSIS",
            "DESCRIPTION",
            "OPTIONS",
            "COMMANDS",
            "FILES",
        ] {
            let heading = format!(".SH {section}\n");
            assert_eq!(page.matches(&heading).count(), 1, "{section}");
        }
        let commands = Cli::command();
        for command in commands.get_subcommands() {
            let heading = format!(".SS \"droplens {}\"\n", command.get_name());
            assert_eq!(page.matches(&heading).count(), 1, "{heading}");
        }
        assert!(page.contains("NO_COLOR"), "{page}");
    }
}
