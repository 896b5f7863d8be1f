//! What the exposition promises: how many series, none twice, exactly this text.

#![expect(clippy::unwrap_used, reason = "a panic is the failure report")]

mod host;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use droplens_metrics::{Bound, Exposition, Format, Kind, Options, Selection, View, catalogue};
use host::{Size, view};
use prometheus_client::registry::Registry;

const SMALL: Size = Size {
    cpus: 8,
    cards: 2,
    queues: 8,
    veths: 0,
    listeners: 60,
    udp_ports: 80,
    rules: 1_000,
};
const LARGE: Size = Size {
    cpus: 128,
    cards: 2,
    queues: 64,
    veths: 300,
    listeners: 60,
    udp_ports: 80,
    rules: 1_000,
};
const TINY: Size = Size {
    cpus: 2,
    cards: 1,
    queues: 2,
    veths: 2,
    listeners: 3,
    udp_ports: 3,
    rules: 2,
};

fn render(size: Size, options: Options, format: Format) -> String {
    render_view(view(size), options, format)
}

fn render_view(view: View, options: Options, format: Format) -> String {
    let exposition = Exposition::new(Registry::default(), options);
    let mut text = String::new();
    exposition
        .render(view, &Selection::ALL, format, &mut text)
        .unwrap();
    text
}

fn series(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| Some(line.rsplit_once(' ')?.0))
}

/// A host on which everything can be looked for and every cause has had its burst.
fn worst(size: Size) -> View {
    let mut view = view(size);
    for standing in &mut Arc::make_mut(view.judgement.as_mut().unwrap()).causes {
        standing.observable = true;
        standing.events.add(Duration::from_millis(300));
    }
    view
}

#[test]
fn the_number_of_series_is_kept_with_defaults() {
    for (size, most) in [(SMALL, 2_000), (LARGE, 6_000)] {
        let text = render_view(worst(size), Options::default(), Format::Text);
        let number = series(&text).count();
        println!("{size:?}: {number} series");
        assert!(number <= most, "{number} series on {size:?}");
        assert!(text.contains("droplens_series_cut_total 0\n"));
    }
}

#[test]
fn no_family_has_more_series_than_its_constant_bound() {
    let text = render(LARGE, Options::default(), Format::Text);
    for family in catalogue::all() {
        let Bound::Constant(most) = family.bound else {
            continue;
        };
        let own = series(&text).filter(|one| one.split('{').next() == Some(family.name));
        let number = own.count();
        assert!(number <= most as usize, "{}: {number}", family.name);
    }
    for name in ["drop_packets", "named_packets"] {
        let name = format!("droplens_firewall_{name}_total{{");
        let own = series(&text).filter(|one| one.starts_with(&name));
        assert_eq!(own.count(), 65, "all places of {name} are taken");
    }
}

#[test]
fn no_series_and_no_family_is_there_twice() {
    let everything = Options {
        fold_kinds: Vec::new(),
        per_queue: true,
        raw_driver: true,
        series_limit: 1_000_000,
        ..Options::default()
    };
    for options in [Options::default(), everything] {
        let text = render(LARGE, options, Format::Text);
        let mut seen = HashSet::new();
        let histograms: HashSet<_> = catalogue::all()
            .filter(|family| family.kind == Kind::Histogram)
            .flat_map(|family| {
                ["bucket", "sum", "count"].map(|part| format!("{}_{part}", family.name))
            })
            .collect();
        for one in series(&text) {
            assert!(seen.insert(one), "{one} twice");
        }
        let mut families = HashSet::new();
        for family in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
            let name = family.split(' ').next().unwrap();
            assert!(families.insert(name), "{name} described twice");
        }
        for one in seen {
            let name = one.split('{').next().unwrap();
            let described = families.contains(name) || histograms.contains(name);
            assert!(described, "{name} is not described");
        }
    }
}

#[test]
fn each_device_has_series_of_its_own_when_nothing_is_folded() {
    let options = Options {
        fold_kinds: Vec::new(),
        ..Options::default()
    };
    let unfolded = render(TINY, options, Format::Text);
    assert!(unfolded.contains("droplens_link_receive_bytes_total{device=\"veth00000001\"} 102\n"));
    assert!(!unfolded.contains("kind:veth"));
    let folded = render(TINY, Options::default(), Format::Text);
    assert!(folded.contains("droplens_link_receive_bytes_total{device=\"kind:veth\"} 204\n"));
    assert!(!folded.contains("veth0000"));
}

#[test]
fn the_cap_cuts_and_says_so() {
    let options = Options {
        series_limit: 500,
        ..Options::default()
    };
    let text = render(SMALL, options, Format::Text);
    assert!(text.contains("droplens_series 500\n"));
    assert!(!text.contains("droplens_series_cut_total 0\n"));
    assert!(
        text.contains("droplens_softnet_dropped_total{cpu=\"7\"} 7\n"),
        "the important first"
    );
}

#[test]
fn the_whole_text_is_as_reviewed() {
    let text = render(TINY, Options::default(), Format::Text);
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/tiny.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(golden, &text).unwrap();
    }
    let reviewed = std::fs::read_to_string(golden).unwrap();
    for (number, (ours, theirs)) in text.lines().zip(reviewed.lines()).enumerate() {
        assert_eq!(
            ours,
            theirs,
            "line {} (UPDATE_GOLDEN=1 rewrites it)",
            number + 1
        );
    }
    assert_eq!(text.lines().count(), reviewed.lines().count());
}

#[test]
fn both_formats_tell_the_same() {
    let text = render(TINY, Options::default(), Format::Text);
    let openmetrics = render(TINY, Options::default(), Format::OpenMetrics);
    let samples = |text: &str| -> Vec<String> {
        text.lines()
            .filter(|line| !line.starts_with('#'))
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(samples(&text), samples(&openmetrics));
    assert!(openmetrics.ends_with("# EOF\n"));
}
