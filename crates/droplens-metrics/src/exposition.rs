//! One scrape: from a snapshot to the text of the exposition.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use droplens_model::{Derived, Judgement, Moment, Snapshot};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, text};
use prometheus_client::registry::Registry;

use crate::context::Context;
use crate::encoder::{Count, Encoder};
use crate::judgement;
use crate::source::{self, Memory, agent};
use crate::{Format, Options, Selection};

/// What a scrape shows.
#[derive(Clone, Debug)]
pub struct View {
    /// The readings.
    pub snapshot: Arc<Snapshot>,
    /// What was worked out from many of them.
    pub derived: Arc<Derived>,
    /// What the diagnosis makes of them; none where none is running, and then nothing tells of it.
    pub judgement: Option<Arc<Judgement>>,
    /// The instant of the scrape.
    pub now: Moment,
}

/// The exposition: owns the registry and what is remembered between scrapes.
///
/// Renderings exclude each other; each takes milliseconds.
#[derive(Debug)]
pub struct Exposition {
    rendering: Mutex<Rendering>,
    scrape: Arc<Mutex<Scrape>>,
}

#[derive(Debug)]
struct Rendering {
    registry: Registry,
    buffer: String,
}

impl Exposition {
    /// An exposition of the metrics registered in `registry` and of every source.
    ///
    /// The families of the sources must not be registered in it; see [`crate::catalogue::all`].
    pub fn new(mut registry: Registry, options: Options) -> Self {
        let scrape = Arc::new(Mutex::new(Scrape {
            options,
            view: None,
            selection: Selection::ALL,
            memory: Memory::default(),
            cut_total: 0,
        }));
        let collector = SnapshotCollector(Arc::clone(&scrape));
        registry.register_collector(Box::new(collector));
        Self {
            rendering: Mutex::new(Rendering {
                registry,
                buffer: String::new(),
            }),
            scrape,
        }
    }

    /// Replaces the options, from the next scrape on.
    pub fn set_options(&self, options: Options) {
        lock(&self.scrape).options = options;
    }

    /// Appends the exposition of the selected sources to `out`.
    ///
    /// # Errors
    /// A metric of the registry that cannot be encoded. `out` is unchanged then.
    pub fn render(
        &self,
        view: View,
        selection: &Selection,
        format: Format,
        out: &mut String,
    ) -> fmt::Result {
        let mut rendering = lock(&self.rendering);
        let Rendering { registry, buffer } = &mut *rendering;
        {
            let mut scrape = lock(&self.scrape);
            scrape.view = Some(view);
            scrape.selection = *selection;
        }
        buffer.clear();
        let encoded = text::encode(buffer, registry);
        lock(&self.scrape).view = None;
        encoded?;
        crate::format::rewrite(buffer, format, out);
        Ok(())
    }
}

/// Nothing here is left half done by a panic that could mislead a later scrape.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the collector shows, and remembers.
#[derive(Debug)]
struct Scrape {
    options: Options,
    view: Option<View>,
    selection: Selection,
    memory: Memory,
    cut_total: u64,
}

/// The custom collector through which snapshots enter the registry's output.
#[derive(Debug)]
struct SnapshotCollector(Arc<Mutex<Scrape>>);

impl Collector for SnapshotCollector {
    fn encode(&self, descriptors: DescriptorEncoder<'_>) -> fmt::Result {
        let mut scrape = lock(&self.0);
        let Scrape {
            options,
            view,
            selection,
            memory,
            cut_total,
        } = &mut *scrape;
        let Some(View {
            snapshot,
            derived,
            judgement,
            now,
        }) = view
        else {
            return Ok(());
        };
        let context = Context {
            snapshot,
            derived,
            options,
        };
        let mut encoder = Encoder::new(descriptors, options.series_limit);
        agent::encode(&context, *now, *selection, &mut encoder)?;
        if let Some(judgement) = judgement
            .as_deref()
            .filter(|_| selection.contains_diagnosis())
        {
            judgement::encode(judgement, &context, &mut memory.folded, &mut encoder)?;
        }
        source::encode(&context, *selection, memory, &mut encoder)?;
        let count = encoder.count();
        let Count { cut, written: _ } = count;
        *cut_total = cut_total.saturating_add(cut);
        encoder.lift_limit();
        agent::encode_count(count, options.series_limit, *cut_total, &mut encoder)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use droplens_model::sample::softnet::{Softnet, SoftnetCpu};
    use droplens_model::{CpuId, Failure, Reading, Reason, Stamped};
    use prometheus_client::metrics::counter::Counter;

    use super::*;

    fn view() -> View {
        let cpu = |cpu| SoftnetCpu {
            cpu: CpuId(cpu),
            processed: 100,
            dropped: 7,
            time_squeezed: 0,
            received_rps: None,
            flow_limit: Some(1),
            backlog: Some(3),
        };
        let mut snapshot = Snapshot {
            softnet: Reading::Ok(Stamped {
                at: Moment(Duration::from_secs(1)),
                took: Duration::from_micros(50),
                value: Arc::new(Softnet {
                    cpus: vec![cpu(0), cpu(2)],
                }),
            }),
            ..Snapshot::default()
        };
        let failure = |reason| Failure {
            reason,
            detail: "no".into(),
        };
        snapshot
            .conntrack
            .fail(Moment::default(), failure(Reason::Missing));
        snapshot
            .links
            .fail(Moment::default(), failure(Reason::Deadline));
        View {
            snapshot: Arc::new(snapshot),
            derived: Arc::default(),
            judgement: None,
            now: Moment(Duration::from_millis(1_250)),
        }
    }

    fn exposition(options: Options) -> Exposition {
        let mut registry = Registry::default();
        let requests: Counter = Counter::default();
        registry.register("droplens_test_requests", "Requests", requests);
        Exposition::new(registry, options)
    }

    fn render(exposition: &Exposition, selection: Selection, format: Format) -> String {
        let mut out = String::new();
        exposition
            .render(view(), &selection, format, &mut out)
            .unwrap();
        out
    }

    #[test]
    fn sources_and_agent_metrics_share_one_exposition() {
        let all = render(
            &exposition(Options::default()),
            Selection::ALL,
            Format::OpenMetrics,
        );
        for line in [
            "droplens_test_requests_total 0",
            "# TYPE droplens_softnet_dropped counter",
            "droplens_softnet_dropped_total{cpu=\"0\"} 7",
            "droplens_softnet_dropped_total{cpu=\"2\"} 7",
            "droplens_softnet_backlog_packets{cpu=\"2\"} 3",
            "droplens_source_up{source=\"softnet\"} 1",
            "droplens_source_up{source=\"links\"} 0",
            "droplens_source_age_seconds{source=\"softnet\"} 0.25",
            "droplens_source_duration_seconds{source=\"softnet\"} 0.00005",
            "droplens_source_info{source=\"conntrack\",state=\"unsupported\",reason=\"missing\"} 1",
            "droplens_source_info{source=\"cpu\",state=\"pending\",reason=\"\"} 1",
            "droplens_series_cut_total 0",
        ] {
            assert!(all.lines().any(|found| found == line), "{line} in\n{all}");
        }
        assert!(!all.contains("droplens_source_up{source=\"conntrack\"}"));
        assert!(!all.contains("received_rps"), "a family without series");
        assert!(all.ends_with("# EOF\n"));
    }

    #[test]
    fn text_has_the_suffix_in_its_description() {
        let all = render(
            &exposition(Options::default()),
            Selection::ALL,
            Format::Text,
        );
        assert!(all.contains("# TYPE droplens_softnet_dropped_total counter\n"));
        assert!(all.contains("# TYPE droplens_build_info gauge\n"));
        assert!(!all.contains("EOF"));
    }

    #[test]
    fn what_is_over_the_cap_is_cut_and_counted() {
        let options = Options {
            series_limit: 3,
            ..Options::default()
        };
        let exposition = exposition(options);
        let first = render(&exposition, Selection::ALL, Format::Text);
        assert!(first.contains("droplens_series 3\n"), "{first}");
        let cut = |text: &str| {
            let line = text
                .lines()
                .find(|line| line.starts_with("droplens_series_cut_total "));
            line.unwrap()
                .split(' ')
                .next_back()
                .unwrap()
                .parse::<u64>()
                .unwrap()
        };
        let once = cut(&first);
        assert!(once > 10);
        let second = render(&exposition, Selection::ALL, Format::Text);
        assert_eq!(cut(&second), 2 * once);
        exposition.set_options(Options::default());
        let third = render(&exposition, Selection::ALL, Format::Text);
        assert_eq!(cut(&third), 2 * once);
        assert!(third.contains("droplens_softnet_dropped_total"));
    }

    #[test]
    fn what_was_not_asked_for_is_left_out() {
        let selection = Selection::parse(["links"], []).unwrap();
        let some = render(&exposition(Options::default()), selection, Format::Text);
        assert!(!some.contains("softnet"), "{some}");
        assert!(some.contains("droplens_source_up{source=\"links\"} 0"));
        assert!(some.contains("droplens_test_requests_total 0"));
    }
}
