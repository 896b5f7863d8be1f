//! The lab itself: what it makes is what the tests rely on.

use std::process::Command;
use std::time::Duration;

use droplens_tests::lab::{Namespace, load, run, veth, veth_many};
use droplens_tests::{json, needs_root};

#[test]
fn a_namespace_has_its_own_devices_and_leaves_nothing() {
    needs_root!();
    let path = {
        let namespace = Namespace::new();
        namespace.ip("link add lab0 type veth peer name lab1");
        assert!(namespace.ip("-o link").contains("lab0"));
        assert!(
            !run(Command::new("ip").args(["-o", "link"]))
                .success()
                .contains("lab0")
        );
        assert!(namespace.proc_net("dev").contains("lab1"));
        namespace.path()
    };
    assert!(!std::path::Path::new(&path).exists());
}

#[test]
fn a_panic_inside_comes_out() {
    needs_root!();
    let namespace = Namespace::new();
    let panicked = std::panic::catch_unwind(|| namespace.enter(|| panic!("inside")));
    let message = *panicked.unwrap_err().downcast::<&str>().unwrap();
    assert_eq!(message, "inside");
}

#[test]
fn datagrams_cross_a_link_and_are_counted() {
    needs_root!();
    let (left, right) = (Namespace::new(), Namespace::new());
    veth(&left, "v0", &right, "v1", 1);
    let receiver = load::udp(&right, "10.9.1.2:9000");
    let sender = load::udp(&left, "10.9.1.1:0");
    load::send(&sender, "10.9.1.2:9000", 50, 100);
    assert_eq!(load::drain(&receiver), 50);
    let links = json::parse(&right.ip("-s -j link show v1"));
    let packets = json::number(&links, "/0/stats64/rx/packets");
    assert!(
        (50..=52).contains(&packets),
        "50 and the ARP exchange, not {packets}"
    );
}

#[test]
fn a_sysctl_belongs_to_its_namespace() {
    needs_root!();
    let (one, other) = (Namespace::new(), Namespace::new());
    one.sysctl("net/ipv4/ip_default_ttl", "77");
    let read = |namespace: &Namespace| {
        namespace.enter(|| std::fs::read_to_string("/proc/sys/net/ipv4/ip_default_ttl").unwrap())
    };
    assert_eq!((read(&one).trim(), read(&other).trim()), ("77", "64"));
}

#[test]
fn many_devices_and_connections() {
    needs_root!();
    let namespace = Namespace::new();
    veth_many(&namespace, "m", 20);
    assert_eq!(namespace.ip("-o link").lines().count(), 41);
    let listener = load::listen(&namespace, "127.0.0.1:9001", 8);
    let client = load::connect(&namespace, "127.0.0.1:9001", Duration::from_secs(2)).unwrap();
    assert_eq!(listener.accept().unwrap().1, client.local_addr().unwrap());
}
