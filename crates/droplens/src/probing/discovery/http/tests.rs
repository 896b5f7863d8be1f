//! Against servers on loopback.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use super::*;
use crate::config::Config;

/// Answers one request with these bytes and gives what was asked.
fn serve(answer: String) -> (u16, thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = Vec::new();
        let mut buffer = [0; 1024];
        while !asked.ends_with(b"\r\n\r\n") {
            let length = stream.read(&mut buffer).unwrap();
            asked.extend_from_slice(&buffer[..length]);
        }
        // It may have heard enough before the end.
        let _ = stream.write_all(answer.as_bytes());
        String::from_utf8(asked).unwrap()
    });
    (port, asked)
}

fn place(url: &str, more: &str) -> HttpDiscovery {
    let text = format!(
        "[[probe.tcp]]\nname = \"p\"\n[discovery.http]\nprobe = \"p\"\nurl = \"{url}\"\n{more}"
    );
    Config::parse(&text).unwrap().discovery.http.remove(0)
}

fn fetched(place: &HttpDiscovery) -> Result<Vec<Group>, String> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(fetch(place))
}

fn answer(kind: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[test]
fn a_list_is_asked_for_as_prometheus_asks() {
    let (port, asked) = serve(answer(
        "application/json; charset=utf-8",
        "[{\"targets\": [\"a:1\"]}]",
    ));
    let secret = std::env::temp_dir().join(format!("droplens-secret-{}", std::process::id()));
    std::fs::write(&secret, "Bearer abc\n").unwrap();
    let more = format!("authorization_file = {secret:?}\n");
    let found = fetched(&place(
        &format!("http://127.0.0.1:{port}/targets?x=1"),
        &more,
    ));
    std::fs::remove_file(&secret).unwrap();
    assert_eq!(found.unwrap()[0].targets, ["a:1"]);
    let asked = asked.join().unwrap();
    assert!(
        asked.starts_with("GET /targets?x=1 HTTP/1.1\r\n"),
        "{asked}"
    );
    for header in [
        &format!("host: 127.0.0.1:{port}\r\n"),
        "authorization: Bearer abc\r\n",
        "x-prometheus-refresh-interval-seconds: 60\r\n",
    ] {
        assert!(asked.contains(header), "{header}: {asked}");
    }
}

#[test]
fn an_answer_that_is_no_list_is_told() {
    let large = "x".repeat(usize::try_from(LARGEST).unwrap() + 1);
    for (text, told) in [
        (
            "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_owned(),
            "answered 404",
        ),
        (answer("text/html", "[]"), "expected application/json"),
        (answer("application/json", "{}"), "expected a sequence"),
        (answer("application/json", &large), "larger than"),
        ("garbage\r\n\r\n".to_owned(), "broke off"),
        (
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n["
                .to_owned(),
            "broke off",
        ),
        (String::new(), "broke off"),
    ] {
        let (port, asked) = serve(text);
        let error = fetched(&place(&format!("http://127.0.0.1:{port}/"), "")).unwrap_err();
        asked.join().unwrap();
        assert!(error.contains(told), "{told}: {error}");
    }
}

#[test]
fn a_server_that_is_not_there_is_told() {
    let unused = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let error = fetched(&place(&format!("http://127.0.0.1:{unused}/"), "")).unwrap_err();
    assert!(error.contains("cannot connect"), "{error}");
    let missing = place(
        "http://127.0.0.1:1/",
        "authorization_file = \"/nonexistent/token\"\n",
    );
    assert!(
        fetched(&missing)
            .unwrap_err()
            .contains("/nonexistent/token")
    );
}
