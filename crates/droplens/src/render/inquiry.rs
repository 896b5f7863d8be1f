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
    for (number, answer) in (1..).zip(&inquiry.answers) {
        page.blank();
        print(number, answer, inquiry, &mut page);
    }
    page.finish()
}

fn print(number: usize, answer: &Answer, inquiry: &Inquiry, page: &mut Page) {
    let ink = ink(answer.verdict);
    let asked = format!("{number} {:<13}", word(answer.question));
    let line = Text::new(Ink::Strong, &asked)
        .and(ink, mark(answer.verdict, page.style()))
        .and(ink, " ")
        .and(ink, answer.verdict.word())
        .and(Ink::Plain, "  ")
        .and(Ink::Plain, &answer.summary);
    page.paragraph(0, 4, &line);
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
            evidence::service(answer, inquiry, |host| host.http.as_ref(), page);
        }
    }
    if let Some(next) = &answer.next {
        let next = Text::new(Ink::Strong, "next: ").and(Ink::Plain, next);
        page.paragraph(4, 6, &next);
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
