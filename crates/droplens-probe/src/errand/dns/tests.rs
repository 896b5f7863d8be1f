use std::net::Ipv4Addr;

use droplens_model::sample::probes::{DnsDetails, DnsRecords};
use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::{A, CNAME, MX, SOA, TXT};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};
use proptest::collection::vec;
use proptest::prelude::*;

use super::judge::judge;
use super::question::{NoAnswer, Response};
use super::*;

fn spec(query: &str, record: &str) -> DnsSpec {
    DnsSpec {
        port: 53,
        query: query.into(),
        record: record.into(),
        transport: DnsTransport::Udp,
        expect: Vec::new(),
        expect_codes: Vec::new(),
        cache_busting: false,
        recursion: true,
        dnssec: false,
    }
}

const ID: u16 = 0x1234;

fn question(spec: &DnsSpec) -> Question {
    Question::new(spec, ID, None).unwrap()
}

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

fn answer(name: &str, kind: RecordType, records: &[Record]) -> Message {
    let mut message = Message::new(ID, MessageType::Response, OpCode::Query);
    message.add_query(Query::query(Name::from_ascii(name).unwrap(), kind));
    message.add_answers(records.iter().cloned());
    message
}

fn record(of: &str, ttl: u32, data: RData) -> Record {
    Record::from_rdata(name(of), ttl, data)
}

fn address(of: &str, last: u8) -> Record {
    record(of, 300, RData::A(A(Ipv4Addr::new(192, 0, 2, last))))
}

fn judged(spec: &DnsSpec, message: &Message) -> (DnsDetails, Option<FailureReason>) {
    let question = question(spec);
    let bytes = message.to_vec().unwrap();
    let Ok(Response::Whole(message)) = question.read(&bytes) else {
        panic!("no answer: {message}");
    };
    let (details, failure) = judge(spec, &question, &message, bytes.len());
    (details, failure.map(|(reason, _)| reason))
}

#[test]
fn a_question_says_what_is_wanted() {
    let mut spec = spec("www.Example", "a");
    let plain = Message::from_vec(question(&spec).bytes()).unwrap();
    assert_eq!(plain.id, ID);
    assert!(plain.recursion_desired && !plain.authentic_data);
    assert_eq!(
        plain.queries,
        [Query::query(name("www.example."), RecordType::A)]
    );
    assert_eq!(plain.max_payload(), 1232);
    assert!(!plain.edns.unwrap().flags().dnssec_ok);

    spec.dnssec = true;
    spec.recursion = false;
    let busted = Question::new(&spec, ID, Some("x1")).unwrap();
    let message = Message::from_vec(busted.bytes()).unwrap();
    assert!(!message.recursion_desired && message.authentic_data);
    assert!(message.edns.unwrap().flags().dnssec_ok);
    assert_eq!(message.queries[0].name(), &name("x1.www.example."));
}

#[test]
fn what_cannot_be_asked_is_told_so() {
    let long = "a".repeat(64);
    let full = format!("{}.example", ["abcdefg"; 30].join("."));
    for (query, record) in [
        ("www.example", "NONSENSE"),
        ("www.example", "AXFR"),
        ("www..example", "A"),
        (&*long, "A"),
    ] {
        let text = check(&spec(query, record)).unwrap_err();
        assert!(text.contains(query) || text.contains(record), "{text}");
    }
    // It is the random label that does not fit.
    let mut busting = spec(&full, "A");
    assert_eq!(check(&busting), Ok(()));
    busting.cache_busting = true;
    assert!(check(&busting).is_err());

    let mut expecting = spec("www.example", "A");
    expecting.expect = vec!["192.0.2.1".into(), "A 192.0.2.2".into()];
    expecting.expect_codes = vec!["noerror".into(), "BADVERS".into()];
    assert_eq!(check(&expecting), Ok(()));
    expecting.expect.push("192.0.2".into());
    assert!(check(&expecting).unwrap_err().contains("192.0.2"));
    expecting.expect.clear();
    expecting.expect_codes.push("NXDOMIAN".into());
    assert!(check(&expecting).unwrap_err().contains("NXDOMIAN"));
}

#[test]
fn the_answer_to_another_question_is_none() {
    let question = question(&spec("www.example", "A"));
    let right = answer("WWW.example.", RecordType::A, &[]);
    let read = |message: &Message| question.read(&message.to_vec().unwrap());
    assert!(matches!(read(&right), Ok(Response::Whole(_))));

    let mut other = right.clone();
    other.metadata.id = ID ^ 1;
    assert_eq!(read(&other).unwrap_err(), NoAnswer::OtherId);
    let mut other = right.clone();
    other.metadata.message_type = MessageType::Query;
    assert_eq!(read(&other).unwrap_err(), NoAnswer::NoResponse);
    let mut other = right.clone();
    other.metadata.op_code = OpCode::Notify;
    assert_eq!(read(&other).unwrap_err(), NoAnswer::NoResponse);
    for other in [
        answer("mail.example.", RecordType::A, &[]),
        answer("www.example.", RecordType::AAAA, &[]),
    ] {
        assert!(matches!(read(&other), Err(NoAnswer::OtherQuestion(_))));
    }
    let mut other = right.clone();
    other.queries[0].set_query_class(DNSClass::CH);
    assert!(matches!(read(&other), Err(NoAnswer::OtherQuestion(_))));
    let mut other = right.clone();
    other.queries.push(other.queries[0].clone());
    assert!(matches!(read(&other), Err(NoAnswer::OtherQuestion(_))));
}

#[test]
fn an_answer_without_the_question_counts_only_if_it_is_a_refusal() {
    let question = question(&spec("www.example", "A"));
    let mut message = Message::new(ID, MessageType::Response, OpCode::Query);
    assert!(question.read(&message.to_vec().unwrap()).is_err());
    message.metadata.response_code = ResponseCode::FormErr;
    assert!(question.read(&message.to_vec().unwrap()).is_ok());
    message.metadata.response_code = ResponseCode::NXDomain;
    assert!(question.read(&message.to_vec().unwrap()).is_err());
}

#[test]
fn a_truncated_answer_is_known_though_its_records_are_cut() {
    let question = question(&spec("www.example", "A"));
    let mut message = answer("www.example.", RecordType::A, &[address("www.example.", 1)]);
    message.metadata.truncation = true;
    let bytes = message.to_vec().unwrap();
    let cut = &bytes[..bytes.len() - 3];
    assert!(matches!(question.read(cut), Ok(Response::Truncated)));
}

#[test]
fn names_that_are_compressed_in_a_loop_are_refused() {
    let question = question(&spec("www.example", "A"));
    let message = answer("www.example.", RecordType::A, &[]);
    let mut bytes = message.to_vec().unwrap();
    bytes[7] = 1;
    let place = u8::try_from(bytes.len()).unwrap();
    bytes.extend([0xc0, place, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 192, 0, 2, 1]);
    assert!(matches!(question.read(&bytes), Err(NoAnswer::Malformed(_))));
    // The question itself points to itself.
    let mut bytes = vec![0x12, 0x34, 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    bytes.extend([0xc0, 12, 0, 1, 0, 1]);
    assert!(matches!(question.read(&bytes), Err(NoAnswer::Malformed(_))));
}

#[test]
fn each_code_has_its_reason() {
    let spec = spec("www.example", "A");
    for (code, name, reason) in [
        (1, "FORMERR", FailureReason::DnsOtherCode),
        (2, "SERVFAIL", FailureReason::DnsServerFailure),
        (3, "NXDOMAIN", FailureReason::DnsNoName),
        (4, "NOTIMP", FailureReason::DnsOtherCode),
        (5, "REFUSED", FailureReason::DnsRefused),
        (9, "NOTAUTH", FailureReason::DnsOtherCode),
        (11, "RCODE11", FailureReason::DnsOtherCode),
    ] {
        let mut message = answer("www.example.", RecordType::A, &[]);
        message.metadata.response_code = ResponseCode::from(0, code);
        let (details, failure) = judged(&spec, &message);
        assert_eq!((details.code.as_str(), failure), (name, Some(reason)));
    }
}

#[test]
fn the_name_may_be_expected_not_to_exist() {
    let mut spec = spec("www.example", "A");
    spec.expect_codes = vec!["nxdomain".into()];
    let mut message = answer("www.example.", RecordType::A, &[]);
    let (_, failure) = judged(&spec, &message);
    assert_eq!(failure, Some(FailureReason::DnsUnexpected));
    message.metadata.response_code = ResponseCode::NXDomain;
    assert_eq!(judged(&spec, &message).1, None);
}

#[test]
fn a_name_without_such_a_record_has_no_answer() {
    let spec = spec("www.example", "A");
    let nothing = answer("www.example.", RecordType::A, &[]);
    assert_eq!(judged(&spec, &nothing).1, Some(FailureReason::DnsNoAnswer));
    // Somebody else's address is none of this name.
    let other = answer(
        "www.example.",
        RecordType::A,
        &[address("evil.example.", 1)],
    );
    assert_eq!(judged(&spec, &other).1, Some(FailureReason::DnsNoAnswer));
    let alias = RData::CNAME(CNAME(name("gone.example.")));
    let dangling = answer(
        "www.example.",
        RecordType::A,
        &[record("www.example.", 9, alias)],
    );
    let (details, failure) = judged(&spec, &dangling);
    assert_eq!(failure, Some(FailureReason::DnsNoAnswer));
    assert_eq!(details.aliases, ["gone.example"]);
}

#[test]
fn an_answer_is_told_with_its_aliases_flags_and_times() {
    let spec = spec("www.example", "A");
    let alias = RData::CNAME(CNAME(name("Web.example.")));
    let mut message = answer(
        "www.example.",
        RecordType::A,
        &[
            address("web.example.", 9),
            record("www.example.", 60, alias),
            address("web.example.", 1),
        ],
    );
    message.metadata.authoritative = true;
    message.metadata.authentic_data = true;
    let soa = SOA::new(
        name("ns.example."),
        name("root.example."),
        2_026,
        1,
        1,
        1,
        1,
    );
    message.add_authority(record("example.", 5, RData::SOA(soa)));
    let size = message.to_vec().unwrap().len();
    let (details, failure) = judged(&spec, &message);
    assert_eq!(failure, None);
    let expected = DnsDetails {
        code: "NOERROR".into(),
        answers: vec!["A 192.0.2.1".into(), "A 192.0.2.9".into()],
        aliases: vec!["Web.example".into()],
        authoritative: true,
        authenticated: true,
        truncated: false,
        serial: Some(2_026),
        ttl: Some(60),
        bytes: u32::try_from(size).unwrap(),
        records: DnsRecords {
            answer: u32::try_from(message.answers.len()).unwrap(),
            authority: 1,
            additional: 0,
        },
    };
    assert_eq!(details, expected);
}

#[test]
fn exactly_the_expected_records_are_right_in_any_order() {
    let mut spec = spec("www.example", "A");
    spec.expect = vec!["192.0.2.2".into(), "A 192.0.2.1".into()];
    let of = |last: &[u8]| {
        let records: Vec<Record> = last
            .iter()
            .map(|last| address("www.example.", *last))
            .collect();
        answer("www.example.", RecordType::A, &records)
    };
    let reason = |last: &[u8]| judged(&spec, &of(last)).1;
    assert_eq!(reason(&[1, 2]), None);
    assert_eq!(reason(&[2, 1]), None);
    assert_eq!(reason(&[1]), Some(FailureReason::DnsUnexpected));
    assert_eq!(reason(&[1, 2, 3]), Some(FailureReason::DnsUnexpected));
    assert_eq!(reason(&[]), Some(FailureReason::DnsNoAnswer));
}

#[test]
fn expected_names_and_texts_are_compared_as_what_they_mean() {
    let mx = |text: &str| {
        let mut spec = spec("example", "MX");
        spec.expect = vec![text.into()];
        let data = RData::MX(MX::new(10, name("Mail.example.")));
        judged(
            &spec,
            &answer("example.", RecordType::MX, &[record("example.", 1, data)]),
        )
        .1
    };
    assert_eq!(mx("10 mail.example"), None);
    assert_eq!(mx("MX 10  mail.EXAMPLE."), None);
    assert_eq!(mx("20 mail.example."), Some(FailureReason::DnsUnexpected));

    let txt = |text: &str| {
        let mut spec = spec("example", "TXT");
        spec.expect = vec![text.into()];
        let data = RData::TXT(TXT::from_bytes(vec![b"v=spf1 ", b"-ALL"]));
        judged(
            &spec,
            &answer("example.", RecordType::TXT, &[record("example.", 1, data)]),
        )
        .1
    };
    assert_eq!(txt("v=spf1 -ALL"), None);
    assert_eq!(txt(r#""v=spf1 " "-ALL""#), None);
    assert_eq!(txt("v=spf1 -all"), Some(FailureReason::DnsUnexpected));
}

proptest! {
    #[test]
    fn any_bytes_are_an_answer_or_a_typed_error(
        id in any::<bool>(),
        bytes in vec(any::<u8>(), 0..600),
    ) {
        let spec = spec("www.example", "ANY");
        let question = question(&spec);
        let mut bytes = bytes;
        if let (true, Some(start)) = (id, bytes.first_chunk_mut()) {
            *start = ID.to_be_bytes();
        }
        if let Ok(Response::Whole(message)) = question.read(&bytes) {
            judge(&spec, &question, &message, bytes.len());
        }
    }

    /// Random bytes seldom get far, so these begin as an answer with one record of a random type.
    #[test]
    fn any_record_is_read_or_refused(
        kind in any::<u16>(),
        class in prop_oneof![Just(1_u16), any::<u16>()],
        data in vec(any::<u8>(), 0..300),
        claimed in 0_u16..400,
        honest in any::<bool>(),
        expected in ".{0,40}",
    ) {
        let mut spec = spec("www.example", &format!("TYPE{kind}"));
        spec.expect = vec![expected.as_str().into()];
        let _ = check(&spec);
        let Ok(question) = Question::new(&spec, ID, None) else { return Ok(()) };
        let mut bytes = question.bytes().to_vec();
        bytes[2] |= 0x80;
        // An answer instead of the EDNS record.
        bytes[6..12].copy_from_slice(&[0, 1, 0, 0, 0, 0]);
        bytes.truncate(bytes.len() - 11);
        let length = if honest { u16::try_from(data.len()).unwrap() } else { claimed };
        bytes.extend([0xc0, 12]);
        bytes.extend(kind.to_be_bytes());
        bytes.extend(class.to_be_bytes());
        bytes.extend(60_u32.to_be_bytes());
        bytes.extend(length.to_be_bytes());
        bytes.extend(data);
        if let Ok(Response::Whole(message)) = question.read(&bytes) {
            let (details, _) = judge(&spec, &question, &message, bytes.len());
            prop_assert!(details.answers.len() <= 1);
        }
    }

    #[test]
    fn a_changed_answer_is_read_or_refused(
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        length in any::<prop::sample::Index>(),
    ) {
        let spec = spec("www.example", "A");
        let alias = RData::CNAME(CNAME(name("web.example.")));
        let records = [record("www.example.", 60, alias), address("web.example.", 1)];
        let mut bytes = answer("www.example.", RecordType::A, &records).to_vec().unwrap();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        bytes.truncate(length.index(bytes.len() + 1));
        let question = question(&spec);
        if let Ok(Response::Whole(message)) = question.read(&bytes) {
            judge(&spec, &question, &message, bytes.len());
        }
    }
}
