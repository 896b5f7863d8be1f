//! Whose a socket is.

use droplens_model::sample::connections::{Owner, ProcessRef};

use super::super::text::{Ink, Text};

/// What was said about a socket, and whose it is: `nginx.service nginx[812]`.
pub(super) fn after(mut about: Text, owner: &Owner) -> Text {
    if !about.is_empty() {
        about.push(Ink::Plain, "; ");
    }
    if let Some(unit) = &owner.unit {
        about.push(Ink::Plain, unit);
    }
    match (&owner.process, &owner.unit) {
        (Some(process), unit) => {
            let gap = if unit.is_some() { " " } else { "" };
            let name = format!("{gap}{}[{}]", process.comm, process.pid);
            about.push(Ink::Plain, &name);
            if let Some(state) = state(process) {
                about.push(Ink::Plain, ", ");
                about.push(Ink::Bad, &state);
            }
        }
        (None, Some(_)) => {}
        (None, None) => about.push(Ink::Dim, &format!("user {}", owner.uid)),
    }
    about
}

/// The state of a process that cannot serve its sockets in it.
fn state(process: &ProcessRef) -> Option<String> {
    let state = process.state;
    let words = match state {
        'T' => "stopped by a signal",
        't' => "stopped by a debugger",
        'D' => "waiting for a disk or a lock",
        'Z' | 'X' => "dead",
        _ => return None,
    };
    Some(format!("{words} ({state})"))
}
