//! A question as it is sent, and whether something that comes back is the answer to it.

use hickory_proto::op::{Edns, Header, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{DNSClass, Name, RecordType};
use hickory_proto::serialize::binary::{BinDecodable, BinDecoder};

use crate::records;
use crate::spec::DnsSpec;

/// What a datagram may have at most so that it is not cut into fragments (DNS flag day 2020).
const PAYLOAD: u16 = 1232;

/// A question, sent once.
#[derive(Clone, Debug)]
pub(super) struct Question {
    id: u16,
    name: Name,
    kind: RecordType,
    bytes: Vec<u8>,
}

/// What came back.
#[derive(Clone, Debug)]
pub(super) enum Response {
    /// The answer.
    Whole(Box<Message>),
    /// The answer does not fit (TC); what is there of it does not count.
    Truncated,
}

/// Why something that came back is no answer to the question.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoAnswer {
    /// No DNS message.
    #[error("no DNS message: {0}")]
    Malformed(String),
    /// Another message's answer.
    #[error("the answer has the id of another question")]
    OtherId,
    /// A question, or something else that is no answer to a query.
    #[error("a DNS message, but no answer to a query")]
    NoResponse,
    /// The answer to another question.
    #[error("the answer is to another question: {0}")]
    OtherQuestion(String),
}

impl Question {
    /// The question, with `label` before the name if there is one.
    pub(super) fn new(spec: &DnsSpec, id: u16, label: Option<&str>) -> Result<Self, String> {
        let bad = |error| format!("`{}` cannot be asked for: {error}", spec.query);
        let mut name =
            Name::from_str_relaxed(&*spec.query).map_err(|error| bad(error.to_string()))?;
        if let Some(label) = label {
            name = name
                .prepend_label(label)
                .map_err(|error| bad(error.to_string()))?;
        }
        name.set_fqdn(true);
        let kind = records::record_type(&spec.record)
            .filter(|kind| is_asked_for(*kind))
            .ok_or_else(|| format!("`{}` is no type of record to ask for", spec.record))?;
        let mut message = Message::new(id, MessageType::Query, OpCode::Query);
        message.metadata.recursion_desired = spec.recursion;
        message.metadata.authentic_data = spec.dnssec;
        message.add_query(Query::query(name.clone(), kind));
        let mut edns = Edns::new();
        edns.set_max_payload(PAYLOAD).set_dnssec_ok(spec.dnssec);
        message.set_edns(edns);
        let bytes = message.to_vec().map_err(|error| bad(error.to_string()))?;
        Ok(Self {
            id,
            name,
            kind,
            bytes,
        })
    }

    /// The name that is asked for.
    pub(super) const fn name(&self) -> &Name {
        &self.name
    }

    /// The type that is asked for.
    pub(super) const fn kind(&self) -> RecordType {
        self.kind
    }

    /// As it is sent.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Reads what came back. Any bytes will do.
    pub(super) fn read(&self, bytes: &[u8]) -> Result<Response, NoAnswer> {
        let malformed = |error: &dyn std::fmt::Display| NoAnswer::Malformed(error.to_string());
        let mut decoder = BinDecoder::new(bytes);
        let header = Header::read(&mut decoder).map_err(|error| malformed(&error))?;
        let metadata = header.metadata;
        if metadata.id != self.id {
            return Err(NoAnswer::OtherId);
        }
        if metadata.message_type != MessageType::Response || metadata.op_code != OpCode::Query {
            return Err(NoAnswer::NoResponse);
        }
        let asked = usize::from(header.counts.queries);
        let asked =
            Message::read_queries(&mut decoder, asked).map_err(|error| malformed(&error))?;
        self.compare(&asked, metadata.response_code)?;
        if metadata.truncation {
            // It may be cut anywhere, so the rest is not read.
            return Ok(Response::Truncated);
        }
        let message = Message::from_vec(bytes).map_err(|error| malformed(&error))?;
        Ok(Response::Whole(Box::new(message)))
    }

    /// Whether it is this question that an answer repeats.
    fn compare(&self, asked: &[Query], code: ResponseCode) -> Result<(), NoAnswer> {
        match asked {
            [one]
                if *one.name() == self.name
                    && one.query_type() == self.kind
                    && one.query_class() == DNSClass::IN =>
            {
                Ok(())
            }
            [one] => Err(NoAnswer::OtherQuestion(one.to_string())),
            // A server that understood nothing repeats nothing.
            [] if code != ResponseCode::NoError && code != ResponseCode::NXDomain => Ok(()),
            [] => Err(NoAnswer::OtherQuestion(String::from("none"))),
            _ => Err(NoAnswer::OtherQuestion(format!("{} of them", asked.len()))),
        }
    }
}

/// Transfers of whole zones and what belongs to the protocol itself is not asked for.
fn is_asked_for(kind: RecordType) -> bool {
    !matches!(
        kind,
        RecordType::AXFR
            | RecordType::IXFR
            | RecordType::OPT
            | RecordType::TSIG
            | RecordType::SIG
            | RecordType::ANAME
            | RecordType::ZERO
            | RecordType::Unknown(0)
    )
}
