use std::net::IpAddr;

use proptest::prelude::*;

use Manner::{Mute, NoSize, Says};

use super::{Found, MOST_PACKETS, News, Search, Sizes};

const SIZES: Sizes = Sizes {
    small: 64,
    base: 1_200,
    most: 1_500,
};

fn router() -> IpAddr {
    IpAddr::from([192, 0, 2, 1])
}

/// What becomes of each packet, by size and how often the size was sent before.
fn run(sizes: Sizes, mut fate: impl FnMut(u32, usize) -> Option<News>) -> (Search, Vec<u32>) {
    let mut search = Search::new(sizes);
    let mut sent = Vec::new();
    loop {
        let volley = search.next();
        if volley.is_empty() {
            return (search, sent);
        }
        let mut coming = Vec::new();
        for (number, size) in volley {
            assert_eq!(number, sent.len());
            let before = sent.iter().filter(|other| **other == size).count();
            sent.push(size);
            coming.extend(fate(size, before).map(|news| (number, news)));
        }
        for (number, news) in coming {
            search.heard(number, news);
        }
        if !search.is_settled() {
            search.waited();
        }
        assert!(sent.len() <= MOST_PACKETS, "a search without end");
    }
}

/// How a router tells that a packet is too big.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    Mute,
    NoSize,
    Says(u32),
}

/// A path that lets packets of this size through; what a router says of larger ones.
fn path(mtu: u32, router_is: Manner) -> impl FnMut(u32, usize) -> Option<News> {
    move |size, _| {
        if size <= mtu {
            return Some(News::Arrived);
        }
        let from = Some(router());
        match router_is {
            Mute => None,
            NoSize => Some(News::TooBig { from, mtu: None }),
            Says(mtu) => Some(News::TooBig {
                from,
                mtu: Some(mtu),
            }),
        }
    }
}

const fn largest(bytes: u32, blackhole: bool) -> Found {
    Found::Largest { bytes, blackhole }
}

#[test]
fn a_healthy_path_takes_two_packets() {
    let (search, sent) = run(SIZES, path(1_500, Mute));
    assert_eq!(search.found(), largest(1_500, false));
    assert_eq!(sent, [64, 1_500]);
}

#[test]
fn what_a_router_says_is_tried_at_once() {
    let (search, sent) = run(SIZES, path(1_300, Says(1_300)));
    assert_eq!(search.found(), largest(1_300, false));
    assert_eq!(sent, [64, 1_500, 1_300]);
    assert_eq!(search.reported(), (Some(router()), Some(1_300)));
}

#[test]
fn a_black_hole_is_found_to_the_byte() {
    let (search, sent) = run(SIZES, path(1_300, Mute));
    assert_eq!(search.found(), largest(1_300, true));
    assert!(sent.len() < 64, "{} {sent:?}", sent.len());
    assert_eq!(sent.iter().filter(|size| **size == 1_301).count(), 6);
    assert_eq!(search.reported(), (None, None));
}

#[test]
fn it_is_found_below_the_base_too() {
    let (search, _) = run(SIZES, path(576, Mute));
    assert_eq!(search.found(), largest(576, true));
}

#[test]
fn a_black_hole_behind_a_router_that_speaks() {
    let (search, _) = run(SIZES, |size, before| {
        if size > 1_320 {
            path(1_400, Says(1_400))(size, before).filter(|news| *news != News::Arrived)
        } else {
            Some(News::Arrived)
        }
    });
    assert_eq!(search.found(), largest(1_320, true));
    assert_eq!(search.reported(), (Some(router()), Some(1_400)));
}

#[test]
fn an_old_router_says_no_size_and_is_no_black_hole() {
    let (search, _) = run(SIZES, path(1_300, NoSize));
    assert_eq!(search.found(), largest(1_300, false));
    assert_eq!(search.reported(), (Some(router()), None));
    // Not even if it is heard only the first time.
    let (search, _) = run(SIZES, |size, before| {
        match path(1_300, NoSize)(size, before) {
            Some(News::TooBig { .. }) if size < 1_500 => None,
            news => news,
        }
    });
    assert_eq!(search.found(), largest(1_300, false));
}

#[test]
fn sizes_that_make_no_sense_are_not_believed() {
    for said in [0, 20, 1_500, 9_000, u32::MAX] {
        let (search, _) = run(SIZES, path(1_300, Says(said)));
        assert_eq!(search.found(), largest(1_300, false), "{said}");
        assert_eq!(search.reported().1.filter(|mtu| *mtu > 1_500), None);
    }
}

#[test]
fn a_target_that_does_not_answer_says_nothing() {
    let (search, sent) = run(SIZES, |_, _| None);
    assert_eq!(
        (search.found(), search.has_answered()),
        (Found::Nothing, false)
    );
    assert_eq!(sent, [64; 4]);
    // Nor does one that stops to.
    let (search, _) = run(SIZES, |size, before| {
        (size == 64 && before == 0).then_some(News::Arrived)
    });
    assert_eq!(
        (search.found(), search.has_answered()),
        (Found::Nothing, true)
    );
}

#[test]
fn the_own_device_is_nobodys_report() {
    let (search, sent) = run(SIZES, |size, _| {
        Some(if size > 1_400 {
            News::TooBig {
                from: None,
                mtu: Some(1_400),
            }
        } else {
            News::Arrived
        })
    });
    assert_eq!(
        (search.found(), search.reported()),
        (largest(1_400, false), (None, None))
    );
    assert_eq!(sent, [64, 1_500, 1_400]);
}

#[test]
fn a_late_answer_corrects_what_was_concluded_without_it() {
    let mut search = Search::new(SIZES);
    let mut volleys = 0;
    let mut late = Vec::new();
    loop {
        let volley = search.next();
        if volley.is_empty() {
            break;
        }
        volleys += 1;
        for (number, size) in volley {
            match size {
                64 | ..1_400 => search.heard(number, News::Arrived),
                _ => late.push(number),
            }
        }
        search.waited();
        if volleys == 6 {
            late.drain(..)
                .for_each(|number| search.heard(number, News::Arrived));
        }
    }
    assert_eq!(search.found(), largest(1_500, false));
}

proptest! {
    #[test]
    fn the_exact_size_is_found_whoever_speaks(
        mtu in 64_u32..=9_000,
        most in 64_u32..=9_000,
        says in prop_oneof![Just(None), Just(Some(false)), Just(Some(true))],
    ) {
        let sizes = Sizes { most, ..SIZES };
        let router_is = match says {
            None => Mute,
            Some(false) => NoSize,
            Some(true) => Says(mtu),
        };
        let (search, sent) = run(sizes, path(mtu, router_is));
        let silent = router_is == Mute && most > mtu;
        prop_assert_eq!(search.found(), largest(mtu.min(most), silent));
        prop_assert!(sent.iter().all(|size| *size <= most));
    }

    #[test]
    fn loss_alone_makes_no_black_hole(mtu in 1_300_u32..=1_500, seed: u64, loss in 0_u64..8) {
        let mut dice = crate::random::Random::seeded(seed);
        let mut fate = path(mtu, Says(mtu));
        let (search, _) = run(SIZES, |size, before| {
            let lost = dice.number() % 100 < loss;
            fate(size, before).filter(|_| !lost)
        });
        match search.found() {
            Found::Largest { bytes, blackhole } => {
                prop_assert!(bytes <= mtu);
                // Six in a row are lost once in four million times at most.
                prop_assert!(!blackhole, "{:?}", search);
            }
            Found::Open { bytes, .. } => prop_assert!(bytes <= mtu),
            Found::Nothing => prop_assert!(loss > 0),
        }
    }

    #[test]
    fn any_answers_at_all_come_to_an_end(
        news in prop::collection::vec((0_u8..4, any::<u16>()), 200),
        most in 0_u32..=66_000,
    ) {
        let mut news = news.into_iter().cycle();
        let (search, sent) = run(Sizes { most, ..SIZES }, |_, _| match news.next()? {
            (0, _) => None,
            (1, mtu) => Some(News::TooBig { from: Some(router()), mtu: Some(mtu.into()) }),
            (2, mtu) => Some(News::TooBig { from: None, mtu: Some(mtu.into()) }),
            _ => Some(News::Arrived),
        });
        prop_assert!(sent.len() <= MOST_PACKETS);
        match search.found() {
            Found::Nothing => {}
            Found::Open { bytes, .. } | Found::Largest { bytes, .. } => prop_assert!(sent.contains(&bytes)),
        }
    }
}
