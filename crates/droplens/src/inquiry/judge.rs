//! What the evidence says. Pure.

use droplens_model::sample::probes::{FailureReason, Outcome};

use super::advice;
use super::answers::{AddressAnswer, Answer, Question, Verdict};
use super::evidence::{Echo, Host, NameEvidence, Reply, Way};
use super::subject::Subject;

/// What is to be said of one address: the verdict, why, and what to do.
type Said = (Verdict, String, Option<String>);

/// The five answers in their order.
pub(crate) fn judge(subject: &Subject, name: &NameEvidence, hosts: &[Host]) -> Vec<Answer> {
    let some_way = hosts
        .iter()
        .any(|host| matches!(host.way, Way::Known { .. }));
    let each = |question, say: &dyn Fn(&Host) -> Said| {
        let addresses = hosts.iter().map(|host| {
            let (verdict, text, next) = match &host.way {
                Way::NoRoute { message } if some_way => (Verdict::NotAsked, message.clone(), None),
                Way::NoRoute { .. } | Way::Unusable { .. } if question != Question::Reachable => (
                    Verdict::NotAsked,
                    "no packet can be sent there".to_owned(),
                    None,
                ),
                _ => say(host),
            };
            AddressAnswer {
                address: host.address,
                verdict,
                text,
                next,
            }
        });
        together(question, addresses.collect())
    };
    vec![
        each(Question::Reachable, &|host| reachable(host, subject)),
        each(Question::Port, &|host| port(host, subject)),
        resolves(name),
        each(Question::Handshake, &|host| handshake(host, subject)),
        each(Question::Application, &|host| application(host, subject)),
    ]
}

/// One answer of those of all addresses.
fn together(question: Question, addresses: Vec<AddressAnswer>) -> Answer {
    let worst = addresses.iter().max_by_key(|answer| answer.verdict);
    let verdict = worst.map_or(Verdict::NotAsked, |answer| answer.verdict);
    let alike = addresses
        .iter()
        .filter(|answer| answer.verdict == verdict)
        .count();
    let mut summary = match worst {
        None => "there is no address to ask".to_owned(),
        Some(first) if addresses.len() == 1 => first.text.clone(),
        Some(first) => {
            let all = addresses.len();
            let first = addresses
                .iter()
                .find(|answer| answer.verdict == verdict)
                .unwrap_or(first);
            format!("{alike} of {all} addresses: {}", first.text)
        }
    };
    if addresses.len() > 1 && verdict == Verdict::NotAsked {
        // The reason is the same for all.
        summary = addresses
            .first()
            .map(|answer| answer.text.clone())
            .unwrap_or_default();
    }
    let mut bad = addresses.iter().filter(|answer| answer.verdict == verdict);
    Answer {
        question,
        verdict,
        summary,
        next: bad.find_map(|answer| answer.next.clone()),
        addresses,
    }
}

fn resolves(name: &NameEvidence) -> Answer {
    let found = name.addresses.len();
    let (verdict, summary, next) = match &name.error {
        Some(error) => {
            let verdict = if error.not_asked {
                Verdict::Unknown
            } else {
                Verdict::Fails
            };
            (verdict, error.message.clone(), Some(advice::name(name)))
        }
        None if name.is_address => {
            let text = "an address was given, so there is no name to resolve";
            (Verdict::NotAsked, text.to_owned(), None)
        }
        None => {
            let plural = if found == 1 { "" } else { "es" };
            (
                Verdict::Ok,
                format!("{} has {found} address{plural}", name.host),
                None,
            )
        }
    };
    Answer {
        question: Question::Name,
        verdict,
        summary,
        next,
        addresses: Vec::new(),
    }
}

fn reachable(host: &Host, subject: &Subject) -> Said {
    match &host.way {
        Way::NoRoute { message } => {
            return (Verdict::Fails, message.clone(), Some(advice::route(host)));
        }
        Way::Unusable { message } => {
            return (Verdict::Unknown, message.clone(), Some(advice::way()));
        }
        Way::Known { .. } => {}
    }
    let serves = host.serves();
    let (verdict, text, next) = match (&host.echo, &host.echo_missing) {
        (Some(echo), _) => echoes(host, echo, serves, subject),
        (None, Some(missing)) if serves => {
            let text = format!("the port answers; {missing}");
            (Verdict::Ok, text, None)
        }
        (None, Some(missing)) => (
            Verdict::Unknown,
            missing.clone(),
            Some(advice::permission()),
        ),
        (None, None) => (
            Verdict::Unknown,
            "echo requests were not sent".to_owned(),
            None,
        ),
    };
    match host.pmtu() {
        Some(pmtu) if pmtu.blackhole && verdict <= Verdict::Ok => {
            let bytes = pmtu.bytes.unwrap_or_default();
            let text = format!(
                "small packets arrive, but those of more than {bytes} bytes vanish without a word"
            );
            (Verdict::Fails, text, Some(advice::blackhole(host, bytes)))
        }
        _ => (verdict, text, next),
    }
}

fn echoes(host: &Host, echo: &Echo, serves: bool, subject: &Subject) -> Said {
    let of = echo.loss.of;
    let refused = host.echo_failure();
    match (echo.is_answered(), echo.loss.lost) {
        (true, 0) => (Verdict::Ok, format!("{of} of {of} pings answered"), None),
        (true, lost) => {
            let text = format!("{lost} of {of} pings lost");
            (Verdict::Loses, text, Some(advice::loss(host)))
        }
        (false, _) if serves => {
            let text = "the port answers, but pings are not answered".to_owned();
            (Verdict::Ok, text, None)
        }
        (false, lost) => {
            let text = match refused {
                Some(why) => why,
                None if of > 0 => format!("{lost} of {of} pings lost, none answered"),
                None => "no ping could be sent".to_owned(),
            };
            (Verdict::Fails, text, Some(advice::silence(host, subject)))
        }
    }
}

fn port(host: &Host, subject: &Subject) -> Said {
    match (&host.tcp, subject.port) {
        (_, None) => unasked("no port is given: write HOST:PORT or a URL"),
        (None, Some(port)) => unasked(&format!("port {port} could not be asked")),
        (Some(tcp), Some(port)) => match (&tcp.failure, tcp.seconds) {
            (Some(failure), _) => {
                let next = advice::port(failure.reason, port);
                (Verdict::Fails, failure.message.clone(), Some(next))
            }
            (None, _) => (Verdict::Ok, format!("port {port} takes connections"), None),
        },
    }
}

fn handshake(host: &Host, subject: &Subject) -> Said {
    match (&host.tls, subject.port) {
        (_, None) => unasked("no port is given"),
        (None, Some(_)) if subject.tls.is_some() => unasked("the port takes no connection"),
        (None, Some(_)) if subject.http.is_some() => unasked("http:// goes without TLS"),
        (None, Some(port)) => unasked(&format!("port {port} is not known for TLS")),
        (Some(tls), Some(_)) => {
            if let Some(failure) = &tls.failure {
                let next = advice::handshake(failure.reason);
                (Verdict::Fails, failure.message.clone(), Some(next))
            } else {
                let details = tls.details.tls.as_ref();
                let version = details.and_then(|details| details.version.clone());
                let text = format!("{}, certificate trusted", version.unwrap_or_default());
                (Verdict::Ok, text, None)
            }
        }
    }
}

fn application(host: &Host, subject: &Subject) -> Said {
    if subject.is_name_server() {
        return name_server(host);
    }
    match &host.http {
        None if subject.http.is_none() => unasked("no URL is given"),
        None if host.tls.as_ref().is_some_and(|tls| !tls.is_fine()) => {
            unasked("the handshake fails")
        }
        None => unasked("the port takes no connection"),
        Some(http) => {
            if let Some(failure) = &http.failure {
                let next = advice::application(failure.reason);
                (Verdict::Fails, failure.message.clone(), Some(next))
            } else {
                let status = http.details.http.as_ref().and_then(|http| http.status);
                let text = status.map_or_else(
                    || "it answers".to_owned(),
                    |status| format!("it answers with status {status}"),
                );
                (Verdict::Ok, text, None)
            }
        }
    }
}

/// What the server said to the question.
fn name_server(host: &Host) -> Said {
    let Some(udp) = &host.dns else {
        return unasked("the question could not be asked");
    };
    let over_tcp = host.dns_tcp.as_ref().is_some_and(Reply::is_answered);
    match (&udp.failure, &udp.details.dns) {
        (Some(_), _) if over_tcp => {
            let text = "it answers questions over TCP, but none over UDP".to_owned();
            (Verdict::Fails, text, Some(advice::no_datagrams()))
        }
        (Some(failure), _) => {
            let next = advice::name_server(failure.reason);
            (Verdict::Fails, failure.message.clone(), Some(next))
        }
        (None, Some(dns)) if dns.code == "REFUSED" => {
            let text = "it answers questions, but refuses this one: it serves certain zones or clients only";
            (Verdict::Ok, text.to_owned(), None)
        }
        (None, Some(dns)) => {
            let text = format!("it answers questions ({})", dns.code);
            (Verdict::Ok, text, None)
        }
        (None, None) => (Verdict::Ok, "it answers questions".to_owned(), None),
    }
}

fn unasked(why: &str) -> Said {
    (Verdict::NotAsked, why.to_owned(), None)
}

impl Host {
    /// Why echo requests failed, if it was not mere silence.
    fn echo_failure(&self) -> Option<String> {
        let failure = self.echo.as_ref()?.counted.last_failure.as_ref()?;
        let words = match failure.reason {
            FailureReason::Timeout => return None,
            FailureReason::Unreachable => "an ICMP error says that it is not reachable",
            FailureReason::NotPermitted => "this host's firewall or a route forbids pings",
            FailureReason::NoRoute => "this host has no route, or the neighbour does not answer",
            FailureReason::NoBuffers => "this host has no room to send",
            FailureReason::NoDevice => "the source address or the device is gone",
            _ => "this host cannot send pings",
        };
        let told = [&self.path, &self.pmtu]
            .into_iter()
            .flatten()
            .find(|reply| {
                matches!(
                    reply.ended,
                    Some(Outcome::IcmpError(_) | Outcome::SendError(_))
                )
            });
        let message = told.and_then(|reply| reply.failure.as_ref());
        Some(match message {
            Some(fault) => format!("{words}: {}", fault.message),
            None if !failure.message.is_empty() => format!("{words}: {}", failure.message),
            None => words.to_owned(),
        })
    }
}
