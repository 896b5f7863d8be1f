//! What is shipped besides the binary.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is the failure report"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use droplens_tests::binary::{droplens, repository};
use droplens_tests::lab::run;
use droplens_tests::scratch::Scratch;
use droplens_tests::tools;
use serde::Deserialize;
use serde::de::DeserializeOwned;

const UNIT: &str = "systemd/droplens.service";

/// The exposure that `systemd-analyze security` may find, of 10.
const EXPOSURE: f64 = 2.5;

#[test]
fn the_unit_is_confined() {
    let Some(analyze) = tools::find_or_skip("the_unit_is_confined", "systemd-analyze") else {
        return;
    };
    let said = run(Command::new(analyze)
        .args(["security", "--offline=true", "--no-pager"])
        .arg(repository().join(UNIT)))
    .success();
    let exposure: f64 = said
        .lines()
        .find_map(|line| line.split_once("Overall exposure level for droplens.service: "))
        .and_then(|(_, rest)| rest.split(' ').next())
        .expect("an exposure level")
        .parse()
        .expect("a number");
    assert!(exposure <= EXPOSURE, "{said}");
}

#[test]
fn the_unit_is_valid() {
    let Some(analyze) = tools::find_or_skip("the_unit_is_valid", "systemd-analyze") else {
        return;
    };
    let unit = std::fs::read_to_string(repository().join(UNIT)).expect("the unit");
    let scratch = Scratch::new();
    let binary = droplens();
    let installed = unit.replace("/usr/bin/droplens", binary.to_str().expect("a plain path"));
    assert_ne!(installed, unit);
    let path = scratch.write("droplens.service", installed);
    let finished = run(Command::new(analyze).args(["verify", "--man=no"]).arg(path));
    assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""));
}

/// Docker Compose's form, as far as it is used here.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Compose {
    services: BTreeMap<String, Service>,
    /// With the settings of each: none.
    volumes: BTreeMap<String, Option<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Service {
    image: String,
    network_mode: String,
    #[serde(default)]
    command: Vec<String>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    volumes: Vec<String>,
}

/// Grafana's form of provisioned data sources, as far as it is used here.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Datasources {
    api_version: u32,
    datasources: Vec<Datasource>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Datasource {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    access: String,
    url: String,
    is_default: bool,
    json_data: PrometheusOptions,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct PrometheusOptions {
    time_interval: String,
    http_method: String,
}

/// Grafana's form of provisioned dashboards, as far as it is used here.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Dashboards {
    api_version: u32,
    providers: Vec<Provider>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Provider {
    name: String,
    folder: String,
    #[serde(rename = "type")]
    kind: String,
    allow_ui_updates: bool,
    update_interval_seconds: u32,
    options: Files,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Files {
    path: PathBuf,
}

fn yaml<T: DeserializeOwned>(path: &str) -> T {
    let text = std::fs::read_to_string(repository().join(path)).expect("the file");
    serde_norway::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn compose() -> Compose {
    yaml("deploy/compose.yml")
}

/// The file of the repository that a container sees there.
fn seen_by(service: &Service, path: &Path) -> Option<PathBuf> {
    service.volumes.iter().find_map(|volume| {
        let mut parts = volume.split(':');
        let (from, to) = (parts.next()?, parts.next()?);
        let rest = path.strip_prefix(to).ok()?;
        Some(repository().join("deploy").join(from).join(rest))
    })
}

#[test]
fn containers_get_files_that_are_there_and_may_not_change_them() {
    let compose = compose();
    let names: BTreeSet<&str> = compose.services.keys().map(String::as_str).collect();
    assert_eq!(names, ["alertmanager", "grafana", "prometheus"].into());
    for (name, service) in &compose.services {
        assert_eq!(service.network_mode, "host", "{name}");
        let (_, tag) = service.image.rsplit_once(':').expect("a version");
        assert!(tag.contains('.'), "{name} has no fixed version: {tag}");
        for volume in &service.volumes {
            let parts: Vec<&str> = volume.split(':').collect();
            match parts[..] {
                [from, _, mode] => {
                    let from = repository().join("deploy").join(from);
                    assert!(from.is_dir(), "{name}: {volume}");
                    assert_eq!(mode, "ro", "{name}: {volume}");
                }
                [from, _] => assert!(compose.volumes.contains_key(from), "{name}: {volume}"),
                _ => panic!("{name}: {volume}"),
            }
        }
        let config = service.command.iter().find_map(|argument| {
            let path = argument.strip_prefix("--config.file=")?;
            Some(Path::new(path))
        });
        let home = service
            .environment
            .get("GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH")
            .map(Path::new);
        let path = config.or(home).expect("a file that it reads");
        let file = seen_by(service, path).expect("a mounted file");
        assert!(file.is_file(), "{name}: {}", path.display());
    }
}

/// The address that a service of the composition is told to listen at.
fn listens_at(service: &Service) -> &str {
    let mut arguments = service.command.iter();
    arguments
        .find_map(|argument| argument.strip_prefix("--web.listen-address="))
        .expect("an address")
}

#[test]
fn grafana_finds_its_data_and_its_dashboards() {
    let compose = compose();
    let Datasources {
        api_version,
        datasources,
    } = yaml("grafana/provisioning/datasources/prometheus.yml");
    let [source] = &datasources[..] else {
        panic!("{datasources:?}")
    };
    assert_eq!(api_version, 1);
    assert_eq!(
        (
            source.kind.as_str(),
            source.access.as_str(),
            source.is_default
        ),
        ("prometheus", "proxy", true),
        "{}",
        source.name
    );
    let prometheus = listens_at(&compose.services["prometheus"]);
    let port = prometheus.rsplit(':').next().expect("a port");
    assert_eq!(source.url, format!("http://localhost:{port}"));
    // Grafana takes rates over four of these, which must be the scrape interval.
    let scraped = std::fs::read_to_string(repository().join("deploy/prometheus/prometheus.yml"));
    let interval = format!("scrape_interval: {}\n", source.json_data.time_interval);
    assert!(
        scraped.expect("the example").contains(&interval),
        "{interval}"
    );
    assert_eq!(source.json_data.http_method, "POST");

    let Dashboards {
        api_version,
        providers,
    } = yaml("grafana/provisioning/dashboards/droplens.yml");
    let [provider] = &providers[..] else {
        panic!("{providers:?}")
    };
    assert_eq!((api_version, provider.kind.as_str()), (1, "file"));
    assert_eq!(
        (provider.name.as_str(), provider.folder.as_str()),
        ("droplens", "droplens")
    );
    assert!(!provider.allow_ui_updates && provider.update_interval_seconds > 0);
    let directory = seen_by(&compose.services["grafana"], &provider.options.path);
    let found = std::fs::read_dir(directory.expect("a mounted directory")).expect("dashboards");
    let found = found.filter(|entry| {
        let path = entry.as_ref().expect("an entry").path();
        path.extension()
            .is_some_and(|extension| extension == "json")
    });
    assert_eq!(found.count(), 4);
}

#[test]
fn prometheus_tells_the_alertmanager_beside_it() {
    let compose = compose();
    let alertmanager = listens_at(&compose.services["alertmanager"]);
    let path = "deploy/prometheus/prometheus.yml";
    let scraped = std::fs::read_to_string(repository().join(path)).expect("the example");
    assert!(scraped.contains(&format!("targets: ['{alertmanager}']")));
}
