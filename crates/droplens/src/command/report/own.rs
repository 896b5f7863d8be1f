//! Looking for oneself, where no agent runs.

use std::io;
use std::time::Duration;

use droplens_diagnosis::verdict::judge;
use droplens_kernel::Root;
use droplens_model::Report;
use droplens_model::delta::Delta;

use crate::cli::Options;
use crate::command::{PATIENCE, plan, thresholds};
use crate::config::Config;
use crate::host::Host;
use crate::judge::{context, wall};
use crate::privileges;
use crate::probing::Probed;
use crate::sampler::{Sampler, now};
use crate::web::read_connections;

/// Takes a snapshot, waits, takes another one and judges what happened in between.
pub(super) fn look(options: &Options, config: &Config, interval: Duration) -> io::Result<Report> {
    let root = Root::new(&options.root);
    let host = Host::read(&root);
    let mut report = privileges::without(|| judged(&root, &host, config, interval))?;
    // Whose the sockets are, this thread may see as far as its user may.
    report.connections = read_connections(&root);
    Ok(report)
}

fn judged(root: &Root, host: &Host, config: &Config, interval: Duration) -> io::Result<Report> {
    let sampler = Sampler::start(root, &plan(config), Probed::default(), None)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    runtime.block_on(async {
        sampler.first_readings(PATIENCE).await;
        let (begin, start, from) = (now(), wall(), sampler.snapshot());
        tokio::time::sleep(interval).await;
        sampler.refresh(Duration::ZERO, PATIENCE).await;
        let to = sampler.snapshot();
        let context = context(host, start, now().since(begin));
        Ok(judge(Delta::new(&from, &to), &context, &thresholds(config)))
    })
}
