//! `/`: the live status page, one self-contained document.
//!
//! What the kernel told about itself goes into it as escaped text; what changes, the page asks
//! `/api/v1` for. The Content-Security-Policy lets nothing run but the page's own script, so that
//! even markup that slipped through would be dead.

use std::fmt::Write;
use std::sync::{Arc, LazyLock};

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use droplens_model::{Source, State as ReadingState};
use rustix::rand::{GetRandomFlags, getrandom};

use super::App;
use crate::sampler::now;

const STYLE: &str = include_str!("page/style.css");

/// One script, told in rooms.
const SCRIPT: &str = concat!(
    include_str!("page/dom.js"),
    include_str!("page/words.js"),
    include_str!("page/chart.js"),
    include_str!("page/path.js"),
    include_str!("page/sections.js"),
    include_str!("page/live.js"),
);

/// The page without what is known only when it is asked for.
static PAGE: LazyLock<String> = LazyLock::new(|| {
    include_str!("page/index.html")
        .replace("{{style}}", STYLE)
        .replace("{{script}}", SCRIPT)
});

/// `/`: the verdict, the packet path, findings, events, symptoms, sources.
pub(super) async fn page(State(app): State<Arc<App>>) -> Response {
    let Ok(nonce) = nonce() else {
        // Without a nonce the page would need a policy that lets anything run.
        let why = "The kernel gave no random numbers for the page.\n";
        return (StatusCode::INTERNAL_SERVER_ERROR, why).into_response();
    };
    let host = rustix::system::uname();
    let facts = Facts {
        nonce: &nonce,
        host: &host.nodename().to_string_lossy(),
        kernel: &host.release().to_string_lossy(),
        uptime: &humantime::format_duration(std::time::Duration::from_secs(
            app.started.elapsed().as_secs(),
        ))
        .to_string(),
        rows: &rows(&app),
    };
    let headers = [
        (header::CONTENT_SECURITY_POLICY, policy(&nonce)),
        (header::CACHE_CONTROL, "no-store".into()),
        (header::REFERRER_POLICY, "no-referrer".into()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".into()),
    ];
    (headers, Html(facts.render())).into_response()
}

/// Names the page's style and script, in this answer only.
fn nonce() -> rustix::io::Result<String> {
    let mut random = [0_u8; 16];
    getrandom(&mut random, GetRandomFlags::empty())?;
    Ok(format!("{:032x}", u128::from_ne_bytes(random)))
}

fn policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; \
         connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    )
}

/// What the page says before any script runs.
struct Facts<'a> {
    nonce: &'a str,
    host: &'a str,
    kernel: &'a str,
    uptime: &'a str,
    /// Markup; everything else is text.
    rows: &'a str,
}

impl Facts<'_> {
    fn render(&self) -> String {
        PAGE.replace("{{nonce}}", self.nonce)
            .replace("{{version}}", env!("CARGO_PKG_VERSION"))
            .replace("{{uptime}}", &escape(self.uptime))
            .replace("{{kernel}}", &escape(self.kernel))
            .replace("{{host}}", &escape(self.host))
            .replace("{{rows}}", self.rows)
    }
}

/// The table of sources, a row each.
fn rows(app: &App) -> String {
    let now = now();
    let snapshot = app.sampler.snapshot();
    let derived = app.sampler.derived(now);
    let gaps = snapshot.gaps();
    let mut rows = String::new();
    for (source, state) in snapshot.states() {
        let (age, took) = match state {
            ReadingState::Ok { at, took } => (
                format!("{:.1} s", now.since(at).as_secs_f64()),
                format!("{:.0} µs", took.as_secs_f64() * 1e6),
            ),
            _ => (String::new(), String::new()),
        };
        let failure = state.failure().map(|failure| failure.detail.clone());
        let gaps = gaps.iter().filter(|gap| gap.source == source);
        let row = Row {
            source,
            state: state.id(),
            age,
            took,
            every: derived
                .paces
                .iter()
                .find(|pace| pace.source == source)
                .map(|pace| format!("{:?}", pace.interval))
                .unwrap_or_default(),
            notes: failure
                .into_iter()
                .chain(gaps.map(|gap| format!("no {}: {}", gap.what, gap.failure)))
                .collect(),
        };
        row.write(&mut rows);
    }
    rows
}

/// A source and how it could be read.
struct Row {
    source: Source,
    state: &'static str,
    age: String,
    took: String,
    every: String,
    notes: Vec<String>,
}

impl Row {
    fn write(&self, page: &mut String) {
        let notes = self.notes.iter().fold(String::new(), |all, note| {
            format!("{all}<div>{}</div>", escape(note))
        });
        // Writing to a String cannot fail.
        let _ok = writeln!(
            page,
            "<tr data-source=\"{source}\"><th scope=\"row\">{source}</th>\
             <td class=\"is\" data-state=\"{state}\">{state}</td>\
             <td class=\"n age\">{age}</td><td class=\"n took\">{took}</td>\
             <td class=\"n\">{every}</td>\
             <td>{about}<div class=\"why\">{notes}</div></td></tr>",
            source = self.source,
            state = self.state,
            age = self.age,
            took = self.took,
            every = self.every,
            about = escape(self.source.spec().about),
        );
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered() -> String {
        Facts {
            nonce: "0f0f",
            host: "<b>host</b>",
            kernel: "6.18",
            uptime: "3s",
            rows: "<tr></tr>",
        }
        .render()
    }

    /// What stands between each `before` and the next `after`.
    fn between<'a>(page: &'a str, before: &str, after: &str) -> Vec<&'a str> {
        page.split(before)
            .skip(1)
            .map(|rest| rest.split(after).next().unwrap_or_default())
            .collect()
    }

    #[test]
    fn text_cannot_become_markup() {
        assert_eq!(escape("<b a=\"&\">"), "&lt;b a=&quot;&amp;&quot;&gt;");
        assert!(!rendered().contains("<b>host"));
    }

    #[test]
    fn a_note_of_a_source_is_escaped() {
        let mut page = String::new();
        Row {
            source: Source::Links,
            state: "failed",
            age: String::new(),
            took: String::new(),
            every: "500ms".into(),
            notes: vec!["device <script>".into()],
        }
        .write(&mut page);
        assert!(page.contains("data-source=\"links\""), "{page}");
        assert!(page.contains("device &lt;script&gt;"), "{page}");
    }

    #[test]
    fn every_placeholder_is_filled() {
        let page = rendered();
        assert!(!page.contains("{{") && !page.contains("}}"));
    }

    #[test]
    fn the_page_is_small() {
        assert!(PAGE.len() < 60_000, "{} bytes", PAGE.len());
    }

    #[test]
    fn the_page_needs_nothing_from_elsewhere() {
        let page = rendered();
        for attribute in ["src", "href", "action", "srcset"] {
            for quote in ['"', '\''] {
                for target in between(&page, &format!("{attribute}={quote}"), &quote.to_string()) {
                    let outside = target.starts_with("//")
                        || (target.contains(':') && !target.starts_with("data:"));
                    assert!(!outside, "{attribute}={target}");
                }
            }
        }
        for reach in ["@import", "url(", "import(", "importScripts", "WebSocket"] {
            assert!(!page.contains(reach), "{reach}");
        }
        let fetched: Vec<_> = between(SCRIPT, "url: \"", "\"");
        assert_eq!(fetched.len(), 3);
        assert!(
            fetched.iter().all(|url| url.starts_with("api/v1/")),
            "{fetched:?}"
        );
        assert_eq!(between(SCRIPT, "fetch(", ",").as_slice(), ["feed.url"]);
    }

    #[test]
    fn the_policy_lets_run_what_the_page_has_and_nothing_else() {
        let (page, policy) = (rendered(), policy("0f0f"));
        assert!(policy.starts_with("default-src 'none';"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        for (tag, directive) in [("<script", "script-src"), ("<style", "style-src")] {
            let tags = between(&page, tag, ">");
            assert!(!tags.is_empty());
            for attributes in tags {
                assert_eq!(attributes, " nonce=\"0f0f\"", "{tag}");
            }
            assert!(
                policy.contains(&format!("{directive} 'nonce-0f0f';")),
                "{policy}"
            );
        }
        // Neither may attributes run or style anything.
        assert!(!page.contains(" style="));
        assert!(!page.contains(" onclick=") && !page.contains(" onload="));
        assert!(!SCRIPT.contains("</script") && !STYLE.contains("</style"));
    }

    #[test]
    fn data_is_shown_as_text_only() {
        for door in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
        ] {
            assert!(!SCRIPT.contains(door), "{door}");
        }
    }

    #[test]
    fn without_a_script_the_page_says_where_else_to_look() {
        let page = rendered();
        let without = between(&page, "<noscript><p", "</noscript>").concat();
        assert!(without.contains("droplens report") && without.contains("\"metrics\""));
    }

    #[test]
    fn nonces_differ() {
        let (one, other) = (nonce(), nonce());
        assert_ne!(one, other);
        assert!(one.is_ok_and(|nonce| nonce.len() == 32));
    }

    #[test]
    fn every_domain_has_its_box() {
        for domain in droplens_model::Domain::ALL {
            let quoted = format!("\n    [\"{domain}\", ");
            assert_eq!(SCRIPT.matches(&quoted).count(), 1, "{domain}");
        }
    }
}
