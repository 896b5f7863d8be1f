//! How types are written and read back: those with a stable id as that id, time as whole
//! nanoseconds, tables of the kernel as maps.

pub(crate) mod by_path;
mod counters;
pub(crate) mod maybe_nanoseconds;
pub(crate) mod nanoseconds;
pub(crate) mod part;

/// Makes types with `id()` and `FromStr` serialise as that id.
macro_rules! by_id {
    ($($type:ty),+ $(,)?) => { $(
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.id())
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
                let id = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(input)?;
                id.parse().map_err(serde::de::Error::custom)
            }
        }
    )+ };
}

/// An enumeration of words: variants with a stable id, which they are parsed and written as.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $( $(#[$doc:meta])* $variant:ident $id:literal, )+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $( $(#[$doc])* $variant, )+ }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The stable id.
            pub const fn id(self) -> &'static str {
                match self { $(Self::$variant => $id,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.id())
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(id: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|word| word.id() == id).ok_or_else(|| {
                    let known = [$($id),+].join(", ");
                    format!("unknown word {id:?}, expected one of: {known}")
                })
            }
        }

        $crate::serial::by_id!($name);
    };
}

pub(crate) use {by_id, words};
