//! What an answer says, and whether it is the right one.

use droplens_model::Name as Text;
use droplens_model::sample::probes::{DnsDetails, DnsRecords, FailureReason};
use hickory_proto::op::Message;
use hickory_proto::rr::{RData, Record, RecordType};

use super::question::Question;
use crate::records;
use crate::spec::DnsSpec;

/// Records of an answer that are kept.
const MOST_ANSWERS: usize = 64;
/// Characters of a record that are kept.
const MOST_CHARACTERS: usize = 1024;

/// What an answer says, and why it is not right if it is not.
pub(super) fn judge(
    spec: &DnsSpec,
    question: &Question,
    message: &Message,
    bytes: usize,
) -> (DnsDetails, Option<(FailureReason, String)>) {
    let code = records::code_name(message.response_code);
    let chain = records::chain(question.name(), &message.answers);
    let last = chain.last().unwrap_or(question.name());
    let any = question.kind() == RecordType::ANY;
    let answers: Vec<&Record> = message
        .answers
        .iter()
        .filter(|record| {
            // Of an alias itself the alias is the answer.
            let asked = any || record.record_type() == question.kind();
            asked && (record.name == *last || record.name == *question.name())
        })
        .collect();
    let failure = wrong_code(spec, question, &code)
        .or_else(|| wrong_answers(spec, question, &code, &answers));
    let mut texts: Vec<String> = answers.iter().map(|record| shown(record)).collect();
    texts.sort_unstable();
    texts.truncate(MOST_ANSWERS);
    let aliases = chain.iter().take(MOST_ANSWERS).map(records::plain);
    let details = DnsDetails {
        code,
        answers: texts,
        aliases: aliases.collect(),
        authoritative: message.authoritative,
        authenticated: message.authentic_data,
        truncated: false,
        serial: serial(message),
        ttl: message.answers.iter().map(|record| record.ttl).min(),
        bytes: u32::try_from(bytes).unwrap_or(u32::MAX),
        records: DnsRecords {
            answer: count(&message.answers),
            authority: count(&message.authorities),
            additional: count(&message.additionals),
        },
    };
    (details, failure)
}

fn count(records: &[Record]) -> u32 {
    u32::try_from(records.len()).unwrap_or(u32::MAX)
}

fn wrong_code(spec: &DnsSpec, question: &Question, code: &str) -> Option<(FailureReason, String)> {
    let right: Vec<&str> = if spec.expect_codes.is_empty() {
        vec!["NOERROR"]
    } else {
        spec.expect_codes.iter().map(|code| &**code).collect()
    };
    if right.iter().any(|right| right.eq_ignore_ascii_case(code)) {
        return None;
    }
    let reason = match code {
        "NOERROR" => FailureReason::DnsUnexpected,
        "SERVFAIL" => FailureReason::DnsServerFailure,
        "NXDOMAIN" => FailureReason::DnsNoName,
        "REFUSED" => FailureReason::DnsRefused,
        _ => FailureReason::DnsOtherCode,
    };
    let name = records::plain(question.name());
    let text = format!("{code} for {name}, expected {}", right.join(" or "));
    Some((reason, text))
}

fn wrong_answers(
    spec: &DnsSpec,
    question: &Question,
    code: &str,
    answers: &[&Record],
) -> Option<(FailureReason, String)> {
    let asked = format!("{} {}", records::plain(question.name()), question.kind());
    if answers.is_empty() {
        // Who expects that a name does not exist expects no answer either.
        let fine = spec.expect.is_empty() && (code != "NOERROR" || !spec.expect_codes.is_empty());
        let text = format!("no such record: {asked}");
        return (!fine).then_some((FailureReason::DnsNoAnswer, text));
    }
    if spec.expect.is_empty() {
        return None;
    }
    let came: Vec<Comparable> = answers
        .iter()
        .map(|record| Comparable::of_record(record))
        .collect();
    let right: Vec<Comparable> = spec
        .expect
        .iter()
        .map(|text| Comparable::expected(question.kind(), text))
        .collect();
    let missing = spec.expect.iter().zip(&right);
    let missing = missing.filter(|(_, right)| !came.contains(right));
    let missing: Vec<&str> = missing.map(|(text, _)| &**text).collect();
    let others = answers.iter().zip(&came);
    let others = others.filter(|(_, came)| !right.contains(came));
    let others: Vec<String> = others.map(|(record, _)| shown(record)).collect();
    if missing.is_empty() && others.is_empty() {
        return None;
    }
    let mut text = asked;
    if !others.is_empty() {
        text.push_str(": unexpected ");
        text.push_str(&cut(others.join(", ")));
    }
    if !missing.is_empty() {
        text.push_str(": missing ");
        text.push_str(&cut(missing.join(", ")));
    }
    Some((FailureReason::DnsUnexpected, text))
}

/// A record's type and data in a form in which equal ones are equal.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Comparable(RecordType, String);

impl Comparable {
    fn of_record(record: &Record) -> Self {
        Self(record.record_type(), comparable(&record.data))
    }

    /// Of what somebody wrote, with the type before it or without.
    fn expected(asked: RecordType, text: &str) -> Self {
        let text = text.trim();
        let (kind, text) = match text.split_once(char::is_whitespace) {
            Some((kind, rest)) => match records::record_type(kind) {
                Some(kind) if kind == asked || asked == RecordType::ANY => (kind, rest.trim()),
                _ => (asked, text),
            },
            None => (asked, text),
        };
        if kind == RecordType::TXT && !text.contains('"') {
            // Without quotes it is one text, spaces and all.
            return Self(kind, text.into());
        }
        let data = RData::try_from_str(kind, text)
            .map_or_else(|_| words(kind, text), |data| comparable(&data));
        Self(kind, data)
    }
}

fn comparable(data: &RData) -> String {
    match data {
        // How a text is cut into strings means nothing.
        RData::TXT(text) => text
            .txt_data
            .iter()
            .map(|part| String::from_utf8_lossy(part))
            .collect(),
        data => words(data.record_type(), &records::data(data)),
    }
}

/// Names without the last dot, and in small letters where there are only names and numbers.
fn words(kind: RecordType, text: &str) -> String {
    use RecordType as T;
    let names = matches!(
        kind,
        T::A | T::AAAA | T::CNAME | T::DNAME | T::NS | T::PTR | T::MX | T::SRV | T::SOA
    );
    let words = text.split_whitespace().map(|word| {
        let bare = word.strip_suffix('.').filter(|bare| !bare.is_empty());
        let bare = bare.unwrap_or(word);
        if names {
            bare.to_ascii_lowercase()
        } else {
            bare.to_owned()
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

fn shown(record: &Record) -> String {
    let data = records::data(&record.data);
    cut(format!("{} {data}", record.record_type()))
}

fn cut(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(MOST_CHARACTERS) {
        text.truncate(end);
        text.push('…');
    }
    text
}

fn serial(message: &Message) -> Option<u32> {
    let records = message.answers.iter().chain(&message.authorities);
    let mut serials = records.filter_map(|record| match &record.data {
        RData::SOA(soa) => Some(soa.serial),
        _ => None,
    });
    serials.next()
}

/// Whether the expectations can be met at all: a text says what is wrong.
pub(super) fn check(spec: &DnsSpec, question: &Question) -> Result<(), String> {
    let known = |code: &Text| {
        (0..=u8::MAX).any(|low| {
            let high = low >> 4;
            let number = hickory_proto::op::ResponseCode::from(high, low & 15);
            records::code_name(number).eq_ignore_ascii_case(code)
        })
    };
    if let Some(code) = spec.expect_codes.iter().find(|code| !known(code)) {
        return Err(format!(
            "`{code}` is no response code; known are NOERROR, NXDOMAIN, SERVFAIL, REFUSED and others"
        ));
    }
    let plain = [RecordType::A, RecordType::AAAA];
    if plain.contains(&question.kind()) {
        for text in &spec.expect {
            let Comparable(kind, data) = Comparable::expected(question.kind(), text);
            if RData::try_from_str(kind, &data).is_err() {
                return Err(format!("`{text}` is no {kind} record"));
            }
        }
    }
    Ok(())
}
