//! Protocol counters as groups of keys and values: `{"TcpExt":{"ListenDrops":3}}`.

use std::collections::HashMap;
use std::fmt;

use serde::de::{DeserializeSeed, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Name;
use crate::sample::netstat::{Counters, Key, Layout};

impl Serialize for Counters {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut groups = Vec::<(&Name, Group<'_>)>::new();
        let mut places = HashMap::<&Name, usize>::new();
        for (Key { group, key }, value) in self.iter() {
            let place = *places.entry(group).or_insert(groups.len());
            match groups.get_mut(place) {
                Some((_, Group(entries))) => entries.push((key, value)),
                None => groups.push((group, Group(vec![(key, value)]))),
            }
        }
        serializer.collect_map(groups)
    }
}

/// The keys of one group with their values, in the kernel's order.
struct Group<'a>(Vec<(&'a Name, i128)>);

impl Serialize for Group<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Counters {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        input.deserialize_map(Groups)
    }
}

struct Groups;

impl<'de> Visitor<'de> for Groups {
    type Value = Counters;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map from groups to keys and whole numbers")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Counters, A::Error> {
        let mut keys = Vec::new();
        let mut values = Vec::new();
        while let Some(group) = map.next_key::<Name>()? {
            map.next_value_seed(Entries {
                group,
                keys: &mut keys,
                values: &mut values,
            })?;
        }
        Ok(Counters {
            layout: Layout::new(keys).into(),
            values,
        })
    }
}

/// Reads the keys and values of one group.
struct Entries<'a> {
    group: Name,
    keys: &'a mut Vec<Key>,
    values: &'a mut Vec<i128>,
}

impl<'de> DeserializeSeed<'de> for Entries<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        input.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Entries<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map from keys to whole numbers")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some((key, value)) = map.next_entry::<Name, i128>()? {
            let group = Name::clone(&self.group);
            self.keys.push(Key { group, key });
            self.values.push(value);
        }
        Ok(())
    }
}
