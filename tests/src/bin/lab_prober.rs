//! A prober as a process of its own: `lab-prober MILLIS ADDRESS COUNT` sends an echo request every so
//! many milliseconds to each of so many addresses from this one on. Each line on its input asks for the sample, as a line
//! of JSON; the end of the input ends it.
#![expect(clippy::expect_used, reason = "a panic is the failure report")]

use std::io::BufRead;
use std::net::{IpAddr, Ipv4Addr};

use droplens_probe::echo::Sockets;
use droplens_probe::flight::Patience;
use droplens_tests::probing::{Probing, wish};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [millis, first, count] = words.as_slice() else {
        eprintln!("usage: lab-prober MILLIS ADDRESS COUNT");
        std::process::exit(2);
    };
    let millis = millis.parse().expect("an interval in milliseconds");
    let first: IpAddr = first.parse().expect("an address");
    let count: u32 = count.parse().expect("a number of addresses");
    let wishes = (0..count).map(|offset| {
        let target = match first {
            IpAddr::V4(first) => Ipv4Addr::from(first.to_bits() + offset).to_string(),
            IpAddr::V6(first) => {
                std::net::Ipv6Addr::from(first.to_bits() + u128::from(offset)).to_string()
            }
        };
        wish(&target, millis, Patience::default())
    });
    let probing = Probing::start_here(Sockets::open);
    probing.aim(wishes.collect());
    for line in std::io::stdin().lock().lines() {
        line.expect("a line");
        let sample = serde_json::to_string(&probing.sample()).expect("a sample as JSON");
        println!("{sample}");
    }
}
