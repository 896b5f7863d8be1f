//! What a control group is called: the unit, pod or container that its path names.

use droplens_model::Name;

/// As much of a container's number as its tools show.
const SHORT: usize = 12;

/// The name of the control group at this path below the root of the hierarchy: `nginx.service`,
/// `pod<uid>/<container>` or `docker-<container>`. None for a slice and for the root, which are
/// no one's.
pub(super) fn unit(path: &str) -> Option<Name> {
    let parts = || path.split('/').filter(|part| !part.is_empty());
    if let Some(pod) = parts().find_map(pod) {
        return Some(match parts().rev().find_map(container) {
            Some((_, number)) => format!("pod{pod}/{number}").into(),
            None => format!("pod{pod}").into(),
        });
    }
    if let Some((engine, number)) = parts().rev().find_map(container) {
        // cgroupfs drivers name the engine by the directory above: /docker/<number>.
        let engine = if engine.is_empty() {
            parts().next().filter(|part| container(part).is_none())?
        } else {
            engine
        };
        return Some(format!("{engine}-{number}").into());
    }
    // A service may divide its group further; `init.scope` is where a service manager itself runs.
    let unit = |part: &&str| {
        let kind = part.rsplit_once('.').map(|(_, kind)| kind);
        matches!(kind, Some("service" | "scope"))
    };
    let mut units = parts().rev().filter(unit);
    let first = units.next()?;
    let owner = if first == "init.scope" {
        units.next().unwrap_or(first)
    } else {
        first
    };
    Some(owner.into())
}

/// The uid of the pod whose group this is: `kubepods-burstable-pod<uid>.slice` with underscores
/// (systemd driver) or `pod<uid>` (cgroupfs driver).
fn pod(part: &str) -> Option<String> {
    let uid = match part.strip_suffix(".slice") {
        Some(slice) if slice.contains("kubepods") => slice.rsplit_once("-pod")?.1,
        Some(_) => return None,
        None => part.strip_prefix("pod")?,
    };
    let sensible = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-' || byte == b'_';
    // A uid has 36 characters; static pods have 32 without dashes.
    (uid.len() >= 32 && uid.bytes().all(sensible)).then(|| uid.replace('_', "-"))
}

/// The engine and the short number of the container whose group this is:
/// `cri-containerd-<64 digits>.scope`, or the digits alone, without engine.
fn container(part: &str) -> Option<(&str, &str)> {
    let name = part.strip_suffix(".scope").unwrap_or(part);
    let (engine, number) = name.rsplit_once('-').unwrap_or(("", name));
    let whole = number.len() == 64 && number.bytes().all(|byte| byte.is_ascii_hexdigit());
    Some((engine, number.get(..SHORT)?)).filter(|_| whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn paths_name_their_units() {
        for (path, expected) in [
            ("/system.slice/nginx.service", Some("nginx.service")),
            (
                "/system.slice/nginx.service/workers/1",
                Some("nginx.service"),
            ),
            (
                "/system.slice/system-getty.slice/getty@tty1.service",
                Some("getty@tty1.service"),
            ),
            (
                "/user.slice/user-1000.slice/session-3.scope",
                Some("session-3.scope"),
            ),
            (
                "/user.slice/user-1000.slice/user@1000.service/app.slice/editor.service",
                Some("editor.service"),
            ),
            (
                "/user.slice/user-1000.slice/user@1000.service/init.scope",
                Some("user@1000.service"),
            ),
            ("/init.scope", Some("init.scope")),
            (
                "/machine.slice/machine-qemu.scope/libvirt/emulator",
                Some("machine-qemu.scope"),
            ),
            ("/system.slice", None),
            ("/", None),
            ("", None),
        ] {
            assert_eq!(unit(path).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn paths_name_their_containers() {
        let uid = "11111111-2222-3333-4444-555555555555";
        let escaped = uid.replace('-', "_");
        let pod = format!("pod{uid}/0123456789ab");
        for (path, expected) in [
            (
                format!(
                    "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{escaped}.slice/cri-containerd-{ID}.scope"
                ),
                pod.as_str(),
            ),
            (
                format!("/kubepods.slice/kubepods-pod{escaped}.slice/crio-{ID}.scope/sub"),
                &pod,
            ),
            (format!("/kubepods/besteffort/pod{uid}/{ID}"), &pod),
            (
                format!("/kubepods/besteffort/pod{uid}"),
                &format!("pod{uid}"),
            ),
            (
                format!(
                    "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod{escaped}.slice/cri-containerd-{ID}.scope"
                ),
                &pod,
            ),
            (
                format!("/system.slice/docker-{ID}.scope"),
                "docker-0123456789ab",
            ),
            (format!("/docker/{ID}"), "docker-0123456789ab"),
            (
                format!("/machine.slice/libpod-{ID}.scope/container"),
                "libpod-0123456789ab",
            ),
        ] {
            assert_eq!(unit(&path).as_deref(), Some(expected), "{path}");
        }
        assert_eq!(unit(&format!("/{ID}")), None);
        assert_eq!(unit("/podium/x"), None);
    }

    proptest! {
        #[test]
        fn any_path_is_taken(path in "(/[a-zé0-9.-]{0,70}(\\.scope|\\.slice|\\.service)?){0,5}") {
            let _ = unit(&path);
        }
    }
}
