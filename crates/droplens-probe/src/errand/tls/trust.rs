//! Whom to believe: the authorities of the system, or those of a file.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use droplens_model::Name;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// Authorities are read again after this time, even if no change is seen.
const RENEWED: Duration = Duration::from_secs(600);

/// Files that are kept; beyond that all are read anew.
const MOST_FILES: usize = 64;

/// The largest file that is read, in bytes. All authorities of a system take 0.25 MB.
const LARGEST: u64 = 8 << 20;

/// Certificates that are believed.
#[derive(Debug)]
pub(super) struct Trust {
    /// The authorities.
    pub(super) roots: RootCertStore,
    /// Those of a file as they are: a server may use one of them itself.
    pub(super) named: Vec<CertificateDer<'static>>,
}

/// What is read and when. One for the process, since it is a copy of files.
static KEPT: Mutex<BTreeMap<Option<Name>, Kept>> = Mutex::new(BTreeMap::new());

#[derive(Clone)]
struct Kept {
    trust: Arc<Trust>,
    read: Instant,
    file: Option<Mark>,
}

/// By what a changed file is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

/// Those of a file (PEM), or of the system. They are kept, and read again if the file changed, or
/// after ten minutes.
///
/// # Errors
///
/// A sentence that says what is wrong with the file or the system.
pub(super) async fn load(file: Option<Name>) -> Result<Arc<Trust>, String> {
    // Files can hang, on a network file system.
    let loaded = tokio::task::spawn_blocking(move || load_now(file)).await;
    loaded.unwrap_or_else(|_| Err("the trusted certificates could not be read".to_owned()))
}

fn load_now(file: Option<Name>) -> Result<Arc<Trust>, String> {
    let mark = file.as_deref().map(|path| {
        mark(Path::new(path)).map_err(|why| format!("cannot read the authorities in {path}: {why}"))
    });
    let mark = mark.transpose()?;
    let kept = lock().get(&file).cloned();
    if let Some(kept) = kept
        && kept.file == mark
        && kept.read.elapsed() < RENEWED
    {
        return Ok(kept.trust);
    }
    let trust = Arc::new(match &file {
        Some(path) => of_file(path)?,
        None => of_system()?,
    });
    let kept = Kept {
        trust: Arc::clone(&trust),
        read: Instant::now(),
        file: mark,
    };
    let mut all = lock();
    if all.len() >= MOST_FILES {
        all.clear();
    }
    all.insert(file, kept);
    Ok(trust)
}

fn lock() -> std::sync::MutexGuard<'static, BTreeMap<Option<Name>, Kept>> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}

fn mark(path: &Path) -> io::Result<Mark> {
    let seen = std::fs::metadata(path)?;
    if !seen.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    Ok(Mark {
        device: seen.dev(),
        inode: seen.ino(),
        size: seen.size(),
        modified: (seen.mtime(), seen.mtime_nsec()),
    })
}

fn of_file(path: &str) -> Result<Trust, String> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes))
        .map_err(|why| format!("cannot read the authorities in {path}: {why}"))?;
    if bytes.len() as u64 > LARGEST {
        return Err(format!(
            "the authorities in {path} take more than {LARGEST} bytes"
        ));
    }
    let (mut roots, mut named) = (RootCertStore::empty(), Vec::new());
    for certificate in CertificateDer::pem_slice_iter(&bytes) {
        let certificate =
            certificate.map_err(|why| format!("the file {path} is broken (PEM): {why}"))?;
        // Certificates of the first version are no authorities to webpki, but can be a server's.
        let _ = roots.add(certificate.clone());
        named.push(certificate);
    }
    if named.is_empty() {
        return Err(format!("there is no certificate (PEM) in {path}"));
    }
    Ok(Trust { roots, named })
}

fn of_system() -> Result<Trust, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let why = found.errors.first().map(ToString::to_string);
        return Err(format!(
            "this host has no trusted certificates (the package ca-certificates){}",
            why.map(|why| format!(": {why}")).unwrap_or_default()
        ));
    }
    let named = Vec::new();
    Ok(Trust { roots, named })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pem(name: &str) -> String {
        let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        made.cert.pem()
    }

    #[test]
    fn a_changed_file_is_read_again_and_a_broken_one_is_named() {
        let path = std::env::temp_dir().join(format!("droplens-trust-{}.pem", std::process::id()));
        let file: Name = path.to_str().unwrap().into();
        let load = || load_now(Some(file.clone()));
        let told = load().unwrap_err();
        assert!(
            told.starts_with("cannot read the authorities in "),
            "{told}"
        );

        std::fs::write(&path, pem("one.example")).unwrap();
        let first = load().unwrap();
        assert_eq!(first.named.len(), 1);
        assert!(Arc::ptr_eq(&first, &load().unwrap()));

        std::fs::write(&path, pem("one.example") + &pem("two.example")).unwrap();
        assert_eq!(load().unwrap().named.len(), 2);

        std::fs::write(&path, "nothing").unwrap();
        let told = load().unwrap_err();
        assert!(
            told.starts_with("there is no certificate (PEM) in "),
            "{told}"
        );
        std::fs::remove_file(&path).unwrap();
    }
}
