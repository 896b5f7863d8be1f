//! The answers to the five questions about a target, as text.

mod evidence;
mod hops;
mod spread;

use super::figures;
use super::page::Page;
use super::style::Style;
use super::text::{Ink, Text};
use super::words;
use crate::inquiry::Inquiry;
use crate::inquiry::answers::{Answer, Question, Verdict};
use crate::inquiry::evidence::Host;

/// With fewer columns than this, reasons do not stand below each other.
const NARROW: usize = 70;

/// The answers as text that ends with a new line.
pub(crate) fn inquiry(inquiry: &Inquiry, style: Style) -> String {
    let mut page = Page::new(style);
    let status = inquiry.status;
    let title = Text::new(ink(status), &status.word().to_uppercase())
        .and(Ink::Plain, "  ")
        .and(Ink::Strong, &inquiry.target);
    page.paragraph(0, 2, &title);
    let about = [
        format!("{} UTC", figures::date(inquiry.at)),
        format!("took {}", figures::duration(inquiry.seconds)),
        format!("droplens {}", inquiry.droplens),
    ];
    let about = about.join(words::between(style));
    page.paragraph(0, 0, &Text::new(Ink::Dim, &about));
    page.blank();
    for (number, answer) in (1..).zip(&inquiry.answers) {
        print(number, answer, inquiry, &mut page);
    }
    page.finish()
}

fn print(number: usize, answer: &Answer, inquiry: &Inquiry, page: &mut Page) {
    headline(number, answer, page);
    match answer.question {
        Question::Reachable => evidence::reachable(answer, inquiry, page),
        Question::Name => evidence::name(&inquiry.name, page),
        Question::Port => {
            evidence::service(answer, inquiry, |host| host.tcp.as_ref(), page);
        }
        Question::Handshake => {
            evidence::service(answer, inquiry, |host| host.tls.as_ref(), page);
        }
        Question::Application => {
            evidence::service(answer, inquiry, Host::application, page);
        }
    }
    if let Some(next) = &answer.next {
        let next = Text::new(Ink::Strong, "next: ").and(Ink::Plain, next);
        page.paragraph(4, 6, &next);
    }
}

/// The question, the verdict and why, below each other where there is room.
fn headline(number: usize, answer: &Answer, page: &mut Page) {
    let (ink, style) = (ink(answer.verdict), page.style());
    let question = format!("{number} {:<13}", word(answer.question));
    let verdict = format!(
        "{} {:<9}  ",
        mark(answer.verdict, style),
        answer.verdict.word()
    );
    let start = Text::new(Ink::Strong, &question).and(ink, &verdict);
    let (summary, taken) = (Text::plain(&answer.summary), start.width());
    if style.width < NARROW {
        let whole = start.and(Ink::Plain, &answer.summary);
        page.paragraph(0, 4, &whole);
        return;
    }
    let lines = summary.lines(style.width - taken, style.width - taken);
    for (index, line) in lines.iter().enumerate() {
        if index == 0 {
            let mut first = start.clone();
            first.append(line);
            page.line(0, &first);
        } else {
            page.line(taken, line);
        }
    }
}

const fn word(question: Question) -> &'static str {
    match question {
        Question::Reachable => "reachable?",
        Question::Port => "port?",
        Question::Name => "name?",
        Question::Handshake => "handshake?",
        Question::Application => "application?",
    }
}

const fn ink(verdict: Verdict) -> Ink {
    match verdict {
        Verdict::NotAsked => Ink::Dim,
        Verdict::Ok => Ink::Good,
        Verdict::Unknown => Ink::Unknown,
        Verdict::Loses => Ink::Warning,
        Verdict::Fails => Ink::Bad,
    }
}

const fn mark(verdict: Verdict, style: Style) -> &'static str {
    match (verdict, style.unicode) {
        (Verdict::NotAsked, _) => "-",
        (Verdict::Ok, true) => "\u{2713}",
        (Verdict::Ok, false) => "+",
        (Verdict::Unknown, _) => "?",
        (Verdict::Loses, _) => "!",
        (Verdict::Fails, true) => "\u{2717}",
        (Verdict::Fails, false) => "X",
    }
}
