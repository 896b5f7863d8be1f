//! Driver statistics: what the reviewed table calls a loss, what looks like one, and on request
//! all the rest.

use std::fmt;

use droplens_model::sample::driver::{Driver, Meaning};
use droplens_model::{Cause, Source};

use crate::Origin;
use crate::context::Context;
use crate::encoder::{Encoder, Label};
use crate::family::families;

families! {
    Origin::Source(Source::Driver);
    DROPS: Counter "droplens_driver_drops_total" ["device", "driver", "counter", "domain", "cause"] Rule("devices x mapped counters of their drivers"),
        "Packets lost by a cause that the reviewed table of drivers names, all queues together. Counters may overlap with each other and with droplens_link_*: do not add them up (ethtool -S).";
    SUSPECT: Counter "droplens_driver_suspect_total" ["device", "driver", "counter"] Rule("devices x counters named like errors"),
        "Driver counters named like a drop or an error that the reviewed table does not know, all queues together (ethtool -S).";
    INFO: Info "droplens_driver_info" ["device", "driver", "firmware"] PerDevice(1),
        "Driver and firmware of the device (ETHTOOL_GDRVINFO).";
    STATISTIC: Unknown "droplens_driver_statistic" ["device", "counter", "queue"] Rule("devices x statistics of their drivers, only with metrics.raw_driver_statistics"),
        "Every driver statistic under the driver's own name, with queue numbers as a label (ethtool -S).";
}

pub(super) fn encode(
    driver: &Driver,
    context: &Context<'_>,
    encoder: &mut Encoder<'_>,
) -> fmt::Result {
    let Driver { devices } = driver;
    let shown = || {
        devices
            .iter()
            .filter_map(|device| Some((device, context.device(device.index)?)))
    };
    encoder.family(DROPS.descriptor(), |series| {
        for (device, label) in shown() {
            let driver = Label::from(&device.layout.driver);
            for (loss, total) in device.losses() {
                if let Meaning::Loss(cause) = loss.meaning {
                    let (domain, cause) = (cause.domain().id(), Cause::id(cause));
                    let counter = (&loss.counter).into();
                    series.push([label, driver, counter, domain.into(), cause.into()], total)?;
                }
            }
        }
        Ok(())
    })?;
    encoder.family(SUSPECT.descriptor(), |series| {
        for (device, label) in shown() {
            let driver = Label::from(&device.layout.driver);
            for (loss, total) in device.losses() {
                if loss.meaning == Meaning::Suspect {
                    series.push([label, driver, (&loss.counter).into()], total)?;
                }
            }
        }
        Ok(())
    })?;
    encoder.series(
        &INFO,
        shown().map(|(device, label)| {
            let layout = &device.layout;
            (
                [label, (&layout.driver).into(), (&layout.firmware).into()],
                1_u64,
            )
        }),
    )?;
    if !context.options.raw_driver {
        return Ok(());
    }
    encoder.family(STATISTIC.descriptor(), |series| {
        for (device, label) in shown() {
            for (statistic, &value) in device.layout.statistics.iter().zip(&device.values) {
                let queue = statistic.queue.as_deref().unwrap_or_default();
                series.push([label, (&statistic.counter).into(), queue.into()], value)?;
            }
        }
        Ok(())
    })
}
