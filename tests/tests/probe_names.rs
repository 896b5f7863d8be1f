//! The resolver of target names against name servers of all manners, in network namespaces.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use droplens_model::Family;
use droplens_probe::resolve::{Found, LONGEST, ResolveError, Resolver, SHORTEST};
use droplens_tests::asking::within;
use droplens_tests::lab::Namespace;
use droplens_tests::needs_root;
use droplens_tests::scratch::Scratch;
use droplens_tests::servers::dns::{Answer, Asked, DnsServer, alias};
use hickory_proto::op::ResponseCode;

fn lookup(host: &Namespace, resolver: &Resolver, name: &str) -> Result<Found, ResolveError> {
    within(host, resolver.lookup(name))
}

fn of(servers: &[&DnsServer]) -> Resolver {
    Resolver::of_servers(servers.iter().map(|server| server.address()).collect())
}

fn texts(found: &Found) -> Vec<String> {
    found.addresses.iter().map(IpAddr::to_string).collect()
}

fn both(asked: &Asked, ttl: u32) -> Answer {
    asked.addresses(ttl, &["192.0.2.1", "2001:db8::1"]).into()
}

#[test]
fn both_families_are_found_with_their_time_to_live() {
    needs_root!();
    let host = Namespace::new();
    let server = DnsServer::start(&host, "127.0.0.1:0", |asked| {
        both(asked, if asked.kind() == "A" { 90 } else { 40 })
    });
    let found = lookup(&host, &of(&[&server]), "db.example").unwrap();
    assert_eq!(texts(&found), ["192.0.2.1", "2001:db8::1"]);
    assert_eq!(found.valid_for, Duration::from_secs(40));
    assert_eq!((found.aliases.len(), found.missing), (0, None));
}

#[test]
fn a_time_to_live_is_kept_within_reason() {
    needs_root!();
    let host = Namespace::new();
    let server = DnsServer::start(&host, "127.0.0.1:0", |asked| {
        both(
            asked,
            asked.name().trim_start_matches("ttl").parse().unwrap(),
        )
    });
    let resolver = of(&[&server]);
    for (name, valid) in [("ttl0", SHORTEST), ("ttl86400", LONGEST)] {
        let found = lookup(&host, &resolver, &format!("{name}.")).unwrap();
        assert_eq!(found.valid_for, valid, "{name}");
    }
}

#[test]
fn aliases_are_told_and_shorten_the_time() {
    needs_root!();
    let host = Namespace::new();
    let server = DnsServer::start(&host, "127.0.0.1:0", |asked| {
        let mut message = asked.reply();
        message.add_answer(alias("db.example.", 30, "db1.example."));
        message.add_answer(alias("db1.example.", 20, "host7.example."));
        let mut addresses = asked.addresses(900, &["192.0.2.1", "2001:db8::1"]).answers;
        addresses[0].name = "host7.example.".parse().unwrap();
        message.add_answers(addresses);
        message.into()
    });
    let found = lookup(&host, &of(&[&server]), "db.example").unwrap();
    assert_eq!(found.aliases, ["db1.example", "host7.example"]);
    assert_eq!(texts(&found), ["192.0.2.1", "2001:db8::1"]);
    assert_eq!(found.valid_for, Duration::from_secs(20));
}

#[test]
fn a_name_that_stops_resolving_and_comes_back_is_seen_at_once() {
    needs_root!();
    let host = Namespace::new();
    let gone = Arc::new(AtomicBool::new(false));
    let is_gone = Arc::clone(&gone);
    let server = DnsServer::start(&host, "127.0.0.1:0", move |asked| {
        if is_gone.load(Ordering::Relaxed) {
            asked.code(ResponseCode::NXDomain).into()
        } else {
            both(asked, 3_600)
        }
    });
    let resolver = of(&[&server]);
    // Servers are asked by the tasks of one runtime.
    within(&host, async {
        assert!(resolver.lookup("db.example").await.is_ok());
        gone.store(true, Ordering::Relaxed);
        let error = resolver.lookup("db.example").await.unwrap_err();
        assert_eq!(error.to_string(), "there is no host `db.example`");
        gone.store(false, Ordering::Relaxed);
        assert!(resolver.lookup("db.example").await.is_ok());
    });
}

#[test]
fn each_failure_is_told_in_words_with_the_server() {
    needs_root!();
    let host = Namespace::new();
    let server = DnsServer::start(&host, "127.0.0.1:0", |asked| match asked.name().as_str() {
        "refused.example" => asked.code(ResponseCode::Refused).into(),
        "failed.example" => asked.code(ResponseCode::ServFail).into(),
        "empty.example" => asked.reply().into(),
        "silent.example" => Answer::Nothing,
        other => panic!("{other}"),
    });
    let resolver = of(&[&server]);
    let at = server.address();
    for (name, text) in [
        (
            "refused.example",
            format!("name server {at} answers REFUSED for `refused.example`"),
        ),
        (
            "failed.example",
            format!("name server {at} answers SERVFAIL for `failed.example`"),
        ),
        (
            "empty.example",
            "`empty.example` has no address (neither A nor AAAA)".into(),
        ),
        (
            "silent.example",
            format!("no answer from name server {at} for `silent.example`"),
        ),
    ] {
        let error = lookup(&host, &resolver, name).unwrap_err();
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn one_family_without_an_answer_is_missing_and_not_gone() {
    needs_root!();
    let host = Namespace::new();
    let server = DnsServer::start(&host, "127.0.0.1:0", |asked| match asked.kind().as_str() {
        "A" => both(asked, 300),
        _ => asked.code(ResponseCode::ServFail).into(),
    });
    let found = lookup(&host, &of(&[&server]), "db.example").unwrap();
    assert_eq!(texts(&found), ["192.0.2.1"]);
    let (family, why) = found.missing.unwrap();
    assert_eq!(family, Family::V6);
    assert!(why.to_string().contains("SERVFAIL"), "{why}");
    assert_eq!(found.valid_for, Duration::from_secs(30));
}

#[test]
fn a_server_that_does_not_answer_makes_way_for_the_next() {
    needs_root!();
    let host = Namespace::new();
    let dead = DnsServer::start(&host, "127.0.0.1:0", |_| Answer::Nothing);
    let refusing = DnsServer::start(&host, "127.0.0.1:0", |asked| {
        asked.code(ResponseCode::Refused).into()
    });
    let live = DnsServer::start(&host, "127.0.0.1:0", |asked| both(asked, 60));
    let found = lookup(&host, &of(&[&dead, &refusing, &live]), "db.example").unwrap();
    assert_eq!(texts(&found), ["192.0.2.1", "2001:db8::1"]);
    assert!(!dead.asked().is_empty() && !refusing.asked().is_empty());
}

#[test]
fn a_server_that_says_no_is_believed_and_no_other_asked() {
    needs_root!();
    let host = Namespace::new();
    let first = DnsServer::start(&host, "127.0.0.1:0", |asked| {
        asked.code(ResponseCode::NXDomain).into()
    });
    let second = DnsServer::start(&host, "127.0.0.1:0", |asked| both(asked, 60));
    let error = lookup(&host, &of(&[&first, &second]), "db.example").unwrap_err();
    assert!(matches!(error, ResolveError::NoSuchName { .. }), "{error}");
    assert!(second.asked().is_empty());
}

#[test]
fn a_truncated_answer_is_fetched_over_tcp() {
    needs_root!();
    let host = Namespace::new();
    let server = DnsServer::start(&host, "127.0.0.1:0", |asked| {
        if asked.over_tcp {
            return both(asked, 60);
        }
        let mut message = asked.reply();
        message.metadata.truncation = true;
        message.into()
    });
    let found = lookup(&host, &of(&[&server]), "db.example").unwrap();
    assert_eq!(texts(&found), ["192.0.2.1", "2001:db8::1"]);
}

#[test]
fn another_server_in_resolv_conf_is_used_from_the_next_lookup_on() {
    needs_root!();
    let host = Namespace::new();
    let scratch = Scratch::new();
    let first = DnsServer::start(&host, "127.0.0.1:53", |asked| {
        asked.addresses(60, &["192.0.2.1"]).into()
    });
    let second = DnsServer::start(&host, "127.0.0.2:53", |asked| match asked.name().as_str() {
        "db.site.example" => asked.addresses(60, &["192.0.2.2"]).into(),
        _ => asked.code(ResponseCode::NXDomain).into(),
    });
    let conf = scratch.path().join("resolv.conf");
    std::fs::write(&conf, "nameserver 127.0.0.1\n").unwrap();
    let resolver = Resolver::of_files(conf.clone(), scratch.path().join("hosts"));
    within(&host, async {
        let found = resolver.lookup("db").await.unwrap();
        assert_eq!(texts(&found), ["192.0.2.1"]);
        std::fs::write(&conf, "nameserver 127.0.0.2\nsearch site.example\n").unwrap();
        let found = resolver.lookup("db").await.unwrap();
        assert_eq!(texts(&found), ["192.0.2.2"]);
    });
    assert!(first.asked().iter().all(|asked| asked.name() == "db"));
    assert!(
        second
            .asked()
            .iter()
            .any(|asked| asked.name() == "db.site.example")
    );
}

#[test]
fn many_lookups_at_a_time_all_end() {
    needs_root!();
    let host = Namespace::new();
    let server = DnsServer::start(&host, "127.0.0.1:0", |asked| both(asked, 60));
    let resolver = Arc::new(of(&[&server]));
    let found = within(&host, async {
        let mut all = tokio::task::JoinSet::new();
        for number in 0..100 {
            let resolver = Arc::clone(&resolver);
            all.spawn(async move { resolver.lookup(&format!("host{number}.example")).await });
        }
        all.join_all().await
    });
    assert_eq!(found.len(), 100);
    assert!(found.iter().all(Result::is_ok), "{found:?}");
}

#[test]
fn a_server_that_cannot_be_reached_is_named() {
    needs_root!();
    let host = Namespace::new();
    let server: SocketAddr = "192.0.2.53:53".parse().unwrap();
    let error = lookup(&host, &Resolver::of_servers(vec![server]), "db.example").unwrap_err();
    assert!(error.to_string().contains("192.0.2.53:53"), "{error}");
    assert!(error.to_string().contains("cannot be reached"), "{error}");
}
