use super::*;

fn lookup(resolver: &Resolver, host: &str) -> Result<Found, ResolveError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(resolver.lookup(host))
}

/// Without servers, so that whatever gets as far as asking fails.
fn nobody() -> Resolver {
    Resolver::of_servers(Vec::new())
}

struct Files {
    directory: PathBuf,
}

impl Files {
    fn new(test: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("{test}-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        Self { directory }
    }

    fn write(&self, file: &str, text: &str) -> PathBuf {
        let path = self.directory.join(file);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

#[test]
fn an_address_stands_for_itself() {
    for (host, address) in [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
    ] {
        let found = lookup(&nobody(), host).unwrap();
        assert_eq!(found.addresses, [address.parse::<IpAddr>().unwrap()]);
        assert_eq!(found.valid_for, LONGEST);
    }
}

#[test]
fn localhost_is_never_asked_of_a_server() {
    for host in ["localhost", "LocalHost", "a.localhost", "localhost."] {
        let found = lookup(&nobody(), host).unwrap();
        let addresses: Vec<String> = found.addresses.iter().map(ToString::to_string).collect();
        assert_eq!(addresses, ["127.0.0.1", "::1"], "{host}");
    }
}

#[test]
fn what_is_no_name_is_told_so() {
    let label = "a".repeat(64);
    let whole = "abcdefgh.".repeat(30);
    for host in [
        "",
        ".",
        "a..b",
        "fe80::1%eth0",
        "1:2:3",
        "[1.2.3.4",
        &label,
        &whole,
    ] {
        match lookup(&nobody(), host) {
            Err(error @ ResolveError::BadName { .. }) => {
                assert!(error.to_string().contains("no host name: "));
            }
            other => panic!("{host:?}: {other:?}"),
        }
    }
}

#[test]
fn the_hosts_file_comes_first_and_is_read_again_when_it_changes() {
    let files = Files::new("droplens-hosts");
    let conf = files.write("resolv.conf", "nameserver 192.0.2.53\n");
    let hosts = files.write(
        "hosts",
        "# us\n192.0.2.1 Db.example db\n2001:db8::1\tdb.example\n192.0.2.1 db\nnonsense x\n",
    );
    let resolver = Resolver::of_files(conf, hosts);
    let found = lookup(&resolver, "db.EXAMPLE").unwrap();
    let addresses: Vec<String> = found.addresses.iter().map(ToString::to_string).collect();
    assert_eq!(addresses, ["192.0.2.1", "2001:db8::1"]);
    let found = lookup(&resolver, "db").unwrap();
    assert_eq!(found.addresses.len(), 1);

    files.write("hosts", "192.0.2.77 db.example\n");
    let found = lookup(&resolver, "db.example").unwrap();
    assert_eq!(found.addresses, ["192.0.2.77".parse::<IpAddr>().unwrap()]);
}

fn candidates(resolv_conf: &str, name: &str) -> (Vec<String>, String) {
    let files = Files::new(&format!("droplens-search-{}", name.len()));
    let resolv_conf = files.write("resolv.conf", resolv_conf);
    let origin = Origin::Files {
        resolv_conf,
        hosts: files.directory.join("none"),
    };
    let loaded = Loaded::renew(None, &origin).unwrap();
    let names = loaded.settings.candidates(&parse(name).unwrap());
    let servers = format!("{:?}", loaded.settings.servers);
    (names.iter().map(ToString::to_string).collect(), servers)
}

#[test]
fn the_search_list_is_used_as_the_c_library_does() {
    let conf = "search one.test two.test\noptions ndots:2\nnameserver 192.0.2.1\n";
    let (names, _) = candidates(conf, "db");
    assert_eq!(names, ["db.one.test.", "db.two.test.", "db."]);
    let (names, _) = candidates(conf, "db.x");
    assert_eq!(names, ["db.x.one.test.", "db.x.two.test.", "db.x."]);
    let (names, _) = candidates(conf, "db.x.y");
    assert_eq!(names, ["db.x.y.", "db.x.y.one.test.", "db.x.y.two.test."]);
    let (names, _) = candidates(conf, "db.x.y.");
    assert_eq!(names, ["db.x.y."]);
    let (names, _) = candidates("domain one.test\n", "dbase");
    assert_eq!(names, ["dbase.one.test.", "dbase."]);
}

#[test]
fn without_a_server_the_one_on_this_host_is_asked_and_no_more_than_three_are() {
    let (_, servers) = candidates("# empty\n", "a");
    assert_eq!(servers, "[Server(127.0.0.1:53)]");
    let many = "nameserver 192.0.2.1\nnameserver 2001:db8::1\nnameserver 192.0.2.3\nnameserver 192.0.2.4\n";
    let (_, servers) = candidates(many, "ab");
    let expected = "[Server(192.0.2.1:53), Server([2001:db8::1]:53), Server(192.0.2.3:53)]";
    assert_eq!(servers, expected);
}

#[test]
fn trouble_tells_more_than_absence() {
    let host = || "db".to_owned();
    let name = ResolveError::NoSuchName { host: host() };
    let address = ResolveError::NoAddress { host: host() };
    let code = ResolveError::Code {
        host: host(),
        server: "192.0.2.1:53".parse().unwrap(),
        code: "SERVFAIL".into(),
    };
    assert_eq!(name.clone().or_rather(None), name);
    assert_eq!(name.clone().or_rather(Some(address.clone())), address);
    assert_eq!(address.clone().or_rather(Some(name)), address);
    assert_eq!(address.or_rather(Some(code.clone())), code);
}
