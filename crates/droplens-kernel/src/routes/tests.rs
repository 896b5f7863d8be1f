//! Routes as the kernel tells them, and bytes that are none.

use proptest::prelude::*;

use super::*;

fn attribute(kind: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = u16::try_from(4 + payload.len())
        .unwrap()
        .to_ne_bytes()
        .to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(payload);
    bytes.resize((bytes.len() + 3) & !3, 0);
    bytes
}

fn message(family: u8, prefix: u8, flags: u32, attributes: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = vec![family, prefix, 0, 0, 254, 4, 0, UNICAST];
    bytes.extend(flags.to_ne_bytes());
    bytes.extend(attributes.concat());
    bytes
}

fn oif(index: u32) -> Vec<u8> {
    attribute(rta::OIF, &index.to_ne_bytes())
}

#[test]
fn a_default_route_has_a_router_and_a_metric() {
    let bytes = message(
        AF_INET,
        0,
        0,
        &[
            attribute(rta::GATEWAY, &[192, 0, 2, 1]),
            oif(3),
            attribute(rta::PRIORITY, &100_u32.to_ne_bytes()),
            attribute(rta::METRICS, &attribute(RTAX_MTU, &1400_u32.to_ne_bytes())),
        ],
    );
    let route = route(&bytes).unwrap().unwrap();
    assert!(route.is_default());
    assert_eq!((route.priority, route.mtu), (100, Some(1400)));
    let gateway = Some(IpAddr::from([192, 0, 2, 1]));
    assert_eq!(route.hops, [Hop { device: 3, gateway }]);
}

#[test]
fn a_router_may_be_of_the_other_family_and_there_may_be_several() {
    let mut address = vec![0; 16];
    address[0] = 0xfe;
    address[1] = 0x80;
    address[15] = 1;
    let via = [AF_INET6.to_ne_bytes().as_slice(), &[0], &address].concat();
    let hop = |flags: u8, device: u32, attributes: &[u8]| {
        let length = u16::try_from(RTNEXTHOP + attributes.len()).unwrap();
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend([flags, 0]);
        bytes.extend(device.to_ne_bytes());
        bytes.extend(attributes);
        bytes
    };
    let ways = [
        hop(0, 2, &attribute(rta::VIA, &via)),
        hop(1, 3, &attribute(rta::GATEWAY, &[192, 0, 2, 3])),
        hop(0, 4, &attribute(rta::GATEWAY, &[192, 0, 2, 4])),
    ]
    .concat();
    let bytes = message(AF_INET, 0, 0, &[attribute(rta::MULTIPATH, &ways)]);
    let hops = route(&bytes).unwrap().unwrap().hops;
    let told: Vec<_> = hops
        .iter()
        .map(|hop| (hop.device, hop.gateway.unwrap().to_string()))
        .collect();
    // The second one is dead.
    assert_eq!(told, [(2, "fe80::1".into()), (4, "192.0.2.4".into())]);
}

#[test]
fn other_routes_are_no_default_routes() {
    let gateway = attribute(rta::GATEWAY, &[192, 0, 2, 1]);
    let with = |prefix, flags, more: Vec<u8>| {
        let bytes = message(AF_INET, prefix, flags, &[gateway.clone(), oif(1), more]);
        route(&bytes).unwrap().unwrap()
    };
    assert!(with(0, 0, Vec::new()).is_default());
    assert!(!with(8, 0, Vec::new()).is_default());
    assert!(!with(0, 0x200, Vec::new()).is_default());
    let other_table = attribute(rta::TABLE, &1000_u32.to_ne_bytes());
    assert!(!with(0, 0, other_table).is_default());
    assert!(with(0, UNUSABLE, Vec::new()).hops.is_empty());
    assert_eq!(route(&message(7, 0, 0, &[])), Ok(None));
}

#[test]
fn the_way_to_oneself_is_by_loopback() {
    let route = Routes::new()
        .route(IpAddr::from([127, 0, 0, 1]), None, None)
        .unwrap();
    assert_eq!((&*route.device, route.gateway), ("lo", None));
    assert!(route.mtu.is_some_and(|mtu| mtu >= 1280), "{route:?}");
    let by_device = Routes::new().route(IpAddr::from([127, 0, 0, 1]), None, Some("lo"));
    assert_eq!(&*by_device.unwrap().device, "lo");
}

#[test]
fn a_device_that_does_not_exist_is_an_error() {
    let asked = Routes::new().route(IpAddr::from([127, 0, 0, 1]), None, Some("nosuchdev0"));
    assert!(asked.is_err(), "{asked:?}");
    assert_eq!(
        Routes::new().device(u32::from(u16::MAX) * 1000).unwrap(),
        None
    );
}

#[test]
fn gateways_can_be_asked_for_again_and_again() {
    let mut routes = Routes::new();
    let first = routes.gateways().unwrap();
    assert_eq!(routes.gateways().unwrap(), first);
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = route(&bytes);
        let _ = hops(&bytes);
        let _ = link(&bytes);
        let mut framed = vec![AF_INET, 0, 0, 0, 254, 4, 0, UNICAST, 0, 0, 0, 0];
        framed.extend(&bytes);
        let _ = route(&framed);
    }
}
