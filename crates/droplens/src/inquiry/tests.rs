//! Subjects.

use droplens_probe::spec::DnsTransport;

use super::subject::Subject;

#[test]
fn tls_is_spoken_where_the_port_or_the_scheme_says_so() {
    let told = |text: &str| {
        let subject = Subject::parse(text, None).unwrap();
        let Subject {
            host,
            port,
            tls,
            http,
            ..
        } = subject;
        (host, port, tls.is_some(), http.is_some())
    };
    let host = || "a.example".to_owned();
    assert_eq!(told("a.example"), (host(), None, false, false));
    assert_eq!(told("a.example:22"), (host(), Some(22), false, false));
    assert_eq!(told("a.example:993"), (host(), Some(993), true, false));
    assert_eq!(told("http://a.example/"), (host(), Some(80), false, true));
    let strange = told("https://a.example:444/");
    assert_eq!(strange, (host(), Some(444), true, true));
    let literal = told("[2001:db8::1]:443");
    assert_eq!(literal, ("2001:db8::1".to_owned(), Some(443), true, false));
}

#[test]
fn a_question_goes_to_name_servers_only() {
    for (text, is_one) in [
        ("ns.example:53", true),
        ("[2001:db8::1]:53", true),
        ("ns.example", false),
        ("ns.example:853", false),
        ("http://ns.example:53/", false),
    ] {
        let subject = Subject::parse(text, None).unwrap();
        assert_eq!(subject.dns(DnsTransport::Udp).is_some(), is_one, "{text}");
    }
}

#[test]
fn what_is_no_subject_says_what_to_write() {
    for (text, told) in [
        ("", "is empty"),
        ("a.example:0", "1 to 65535"),
        ("https://user:secret@a.example/", "contains a user name"),
        ("[192.0.2.1]:80", "[2001:db8::1]"),
    ] {
        let error = Subject::parse(text, None).unwrap_err().to_string();
        assert!(error.contains(told), "{text}: {error}");
    }
}
