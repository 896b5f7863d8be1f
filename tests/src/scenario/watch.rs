//! A running agent that watches one namespace of a scenario.

use std::time::{Duration, Instant};

use droplens_model::{Report, Timestamp};

use super::Expect;
use crate::agent::{Agent, Options};
use crate::lab::Namespace;
use crate::wait;

/// Before the fault the agent watches for this long, so that every window begins in peace.
const PEACE: Duration = Duration::from_millis(2_500);

/// How long the verdict may take to become what it should be.
const PATIENCE: Duration = Duration::from_secs(12);

/// A verdict must not change for this long: by then every source that it rests on has been read
/// again, the slow ones aside.
const STEADY: Duration = Duration::from_millis(1_200);

/// A healthy host is looked at for this long after its load.
const HEALTHY: Duration = Duration::from_secs(3);

/// An agent that watches a namespace, from before the fault.
pub struct Watch<'a> {
    agent: Agent<'a>,
    /// The window of reports begins here.
    since: Instant,
    /// The fault begins here.
    fault: Timestamp,
}

/// What a scenario led to.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The verdict on the time since before the fault.
    pub report: Report,
    /// Packets that were really lost, where that is known.
    pub truth: Option<u64>,
    /// When the fault began.
    pub fault: Timestamp,
}

impl<'a> Watch<'a> {
    /// Starts an agent in the namespace and lets it watch the peace before the fault.
    pub fn start(namespace: &'a Namespace) -> Self {
        Self::with(Options::new(), namespace)
    }

    /// The same with an agent that has these tables of probes (TOML).
    pub fn probing(probes: &str, namespace: &'a Namespace) -> Self {
        Self::with(Options::new().config(probes), namespace)
    }

    /// The same with an agent of one's own making.
    ///
    /// # Panics
    ///
    /// When the agent does not come up.
    pub fn with(options: Options, namespace: &'a Namespace) -> Self {
        let agent = options.argument("--log-level=warn").start(namespace);
        std::thread::sleep(PEACE / 2);
        let since = Instant::now();
        std::thread::sleep(PEACE / 2);
        Self {
            agent,
            since,
            fault: std::time::SystemTime::now().into(),
        }
    }

    /// The agent.
    pub const fn agent(&self) -> &Agent<'a> {
        &self.agent
    }

    /// The report on the time since before the fault.
    pub fn report(&self) -> Result<Report, String> {
        let window = self.since.elapsed().as_secs_f64();
        let path = format!("/api/v1/report?window={window:.1}");
        let answer = self
            .agent
            .get(&path, &[])
            .map_err(|error| error.to_string())?;
        if answer.status != 200 {
            return Err(format!("status {}: {}", answer.status, answer.text()));
        }
        serde_json::from_str(&answer.text()).map_err(|error| error.to_string())
    }

    /// The verdict, once it is as expected and stays so, or patience is over; then whatever it is.
    ///
    /// # Panics
    ///
    /// When the agent gives no report in the end.
    pub fn verdict(self, expect: &Expect, truth: Option<u64>) -> Seen {
        let seen = |report| Seen {
            report,
            truth,
            fault: self.fault,
        };
        let patience = match expect {
            Expect::Clean => HEALTHY,
            Expect::Finding(_) | Expect::Remark(_) => PATIENCE,
        };
        // The latest verdict, or why there is none.
        let mut last = Err("nobody asked".to_owned());
        let mut right_since = None;
        let _as_expected = wait::within(patience, || {
            last = self.report().map(seen);
            let wrong = super::judge::wrong(expect, last.as_ref().map_err(Clone::clone)?);
            match (expect, wrong) {
                // A healthy host must stay clean all the time.
                (Expect::Clean, None) => Err("still clean".to_owned()),
                (Expect::Clean, Some(_)) => Ok(()),
                (_, None) => {
                    let since = *right_since.get_or_insert_with(Instant::now);
                    let steady = since.elapsed() >= STEADY;
                    steady.then_some(()).ok_or("not for long".to_owned())
                }
                (_, Some(wrong)) => {
                    right_since = None;
                    Err(wrong)
                }
            }
        });
        last.unwrap_or_else(|reason| panic!("no report: {reason}\n{}", self.agent.log()))
    }
}
