//! Modules as they are configured.

use super::*;
use crate::config::Config;

fn allowed(text: &str) -> Allowed {
    text.to_owned().try_into().unwrap()
}

#[test]
fn targets_are_allowed_by_host_whole_domain_or_network() {
    for (pattern, target, host, right) in [
        ("db.example", "db.example:5432", "DB.example", true),
        ("db.example", "xdb.example:1", "xdb.example", false),
        (
            "https://a.example/x",
            "https://a.example/x",
            "a.example",
            true,
        ),
        (
            "https://a.example/x",
            "https://a.example/y",
            "a.example",
            false,
        ),
        ("*.example", "a.b.example", "a.b.example", true),
        ("*.example", "example", "example", false),
        ("*.example", "badexample", "badexample", false),
        ("*.1", "10.0.0.1", "10.0.0.1", false),
        ("10.90.0.0/16", "10.90.255.1:1", "10.90.255.1", true),
        ("10.90.0.0/16", "10.91.0.1", "10.91.0.1", false),
        ("10.90.0.0/16", "name.example", "name.example", false),
        ("0.0.0.0/0", "::1", "::1", false),
        ("0.0.0.0/0", "192.0.2.1", "192.0.2.1", true),
        ("fd90::/16", "fd90:1::2", "fd90:1::2", true),
        ("fd90::", "fd90::1", "fd90::1", false),
        ("192.0.2.1", "::ffff:192.0.2.1", "::ffff:192.0.2.1", true),
    ] {
        assert_eq!(
            allowed(pattern).holds(target, host),
            right,
            "{pattern} {target}"
        );
    }
    for wrong in [
        "",
        "*",
        "*example",
        "a b",
        "10.0.0.0/33",
        "a/8",
        "a.*.b",
        "10.0.0.0/x",
    ] {
        assert!(Allowed::try_from(wrong.to_owned()).is_err(), "{wrong}");
    }
}

#[test]
fn what_cannot_work_is_shown_with_its_place() {
    for (text, told) in [
        ("[modules.a]\nprobe = \"icmp\"\n", "unknown field `probe`"),
        (
            "[modules.a]\nprober = \"pigeon\"\n",
            "unknown variant `pigeon`",
        ),
        ("[modules.a]\ntimeout = \"1s\"\n", "missing field `prober`"),
        (
            "[modules.a]\nprober = \"http\"\nhttp.valid_codes = [2]\n",
            "unknown field `valid_codes`",
        ),
        ("[modules.a]\nprober = \"dns\"\n", "needs a query_name"),
        (
            "[modules.a]\nprober = \"http\"\nhttp.valid_status_codes = [20]\n",
            "20 is no HTTP status",
        ),
        (
            "[modules.a]\nprober = \"http\"\nhttp.fail_if_body_matches_regexp = [\"(\"]\n",
            "`(`",
        ),
        (
            "[modules.a]\nprober = \"http\"\nhttp = { fail_if_ssl = true, fail_if_not_ssl = true }\n",
            "always fail",
        ),
        (
            "[modules.a]\nprober = \"http\"\nhttp.valid_http_versions = [\"HTTP/2\"]\n",
            "expected one of `HTTP/1.0`, `HTTP/1.1`, `HTTP/2.0`",
        ),
        (
            "[modules.a]\nprober = \"http\"\nhttp = { enable_http2 = false, valid_http_versions = [\"HTTP/2.0\"] }\n",
            "without enable_http2",
        ),
        (
            "[web]\nprobe_targets = [\"10.0.0.0/40\"]\n",
            "is no target to allow",
        ),
    ] {
        let error = Config::parse(text).expect_err(text).to_string();
        assert!(
            error.contains(told) && error.contains("at line ") && error.contains('^'),
            "{error}"
        );
    }
}

#[test]
fn a_target_without_scheme_is_asked_over_plain_http() {
    let config = Config::parse("[modules.a]\nprober = \"http\"\n").unwrap();
    let query = config
        .modules
        .get("a")
        .unwrap()
        .query("www.example:8080/x")
        .unwrap();
    assert_eq!(&*query.host, "www.example");
    let droplens_probe::spec::Ask::Http(spec) = query.ask else {
        panic!("{:?}", query.ask);
    };
    assert_eq!(&*spec.url, "http://www.example:8080/x");
}

#[test]
fn the_examples_name_every_option() {
    let template = crate::config::TEMPLATE;
    let module = "[modules.a]\nprober = \"icmp\"\n";
    for (table, example) in [
        (String::new(), "#[modules.ping]\n"),
        ("[modules.a.icmp]\n".into(), "#[modules.ping.icmp]\n"),
        ("[modules.a.tcp]\n".into(), "#[modules.smtps.tcp]\n"),
        ("[modules.a.dns]\n".into(), "#[modules.zone.dns]\n"),
        ("[modules.a.http]\n".into(), "#[modules.web.http]\n"),
        (
            "[modules.a.tcp.tls_config]\n".into(),
            "#[modules.smtps.tcp]\n",
        ),
    ] {
        let text = format!("{module}{table}no_such_key = 1\n");
        let error = Config::parse(&text).expect_err(&text).to_string();
        let known = error.split("expected").nth(1).unwrap_or_default();
        let known: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
        assert!(known.len() > 2, "{error}");
        let (_, section) = template.split_once(example).expect(example);
        let section = section.split("\n#[").next().unwrap_or_default();
        for key in known {
            // The tables of the probers have sections of their own.
            let of_prober = ["icmp", "tcp", "dns", "http"].contains(&key);
            assert!(
                of_prober || section.contains(&format!("{key} = ")),
                "{example}{key}"
            );
        }
    }
}
