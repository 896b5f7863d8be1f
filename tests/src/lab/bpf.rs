//! The smallest BPF programs: each gives the same answer to every packet.
//!
//! No compiler is needed for that. The object file is put together here, and `ip` or `tc` loads it.

use std::path::PathBuf;

use crate::scratch::Scratch;

/// What an XDP program answers to drop a packet.
const XDP_DROP: i32 = 1;

/// What a program of tc's `direct-action` mode answers to drop a packet.
const TC_ACT_SHOT: i32 = 2;

/// A program that drops everything, in a file that is removed on drop.
#[derive(Debug)]
pub struct DropAll {
    section: &'static str,
    object: PathBuf,
    _scratch: Scratch,
}

impl DropAll {
    /// For XDP.
    pub fn xdp() -> Self {
        Self::new("xdp", XDP_DROP)
    }

    /// For tc, as a classifier with `direct-action`.
    pub fn tc() -> Self {
        Self::new("classifier", TC_ACT_SHOT)
    }

    fn new(section: &'static str, answer: i32) -> Self {
        let scratch = Scratch::new();
        let object = scratch.write("drop.o", elf(section, answer));
        Self {
            section,
            object,
            _scratch: scratch,
        }
    }

    /// The words with which `ip` and `tc` are told of it.
    pub fn words(&self) -> String {
        format!("obj {} sec {}", self.object.display(), self.section)
    }
}

/// The names of sections and symbols, each ended by a zero.
#[derive(Default)]
struct Names(Vec<u8>);

impl Names {
    /// Adds one; returns where it begins.
    fn add(&mut self, name: &str) -> u32 {
        let at = self.0.len();
        self.0.extend_from_slice(name.as_bytes());
        self.0.push(0);
        u32::try_from(at).expect("few names")
    }
}

/// A section as its `Elf64_Shdr` describes it.
struct Section {
    name: u32,
    kind: u32,
    flags: u64,
    link: u32,
    info: u32,
    entry: u64,
    data: Vec<u8>,
}

/// `ELF64`, little or big endian as this machine is, with one program that returns `answer`.
fn elf(section: &str, answer: i32) -> Vec<u8> {
    const HEADER: usize = 64;
    const SYMBOL: u64 = 24;
    const MACHINE_BPF: u16 = 247;
    let program = program(answer);
    let mut names = Names::default();
    names.add("");
    let main = names.add("drop_all");
    let mut symbols = vec![0; 24];
    symbols.extend(main.to_ne_bytes());
    // A global function in section 1, visible by default.
    symbols.extend([0x12, 0]);
    symbols.extend(1_u16.to_ne_bytes());
    symbols.extend(0_u64.to_ne_bytes());
    symbols.extend((program.len() as u64).to_ne_bytes());
    let mut plain = |name: &str, kind, flags, data| Section {
        name: names.add(name),
        kind,
        flags,
        link: 0,
        info: 0,
        entry: 0,
        data,
    };
    // Types: 1 is contents, 2 symbols, 3 names. Flags: 1 written, 2 loaded, 4 run.
    let mut sections = vec![
        plain(section, 1, 6, program),
        plain("license", 1, 3, b"GPL\0".to_vec()),
        Section {
            link: 4,
            info: 1,
            entry: SYMBOL,
            ..plain(".symtab", 2, 0, symbols)
        },
        plain(".strtab", 3, 0, Vec::new()),
    ];
    if let Some(last) = sections.last_mut() {
        last.data = names.0;
    }
    let mut body = Vec::new();
    let mut table = vec![0; HEADER];
    for section in &sections {
        body.resize(body.len().next_multiple_of(8), 0);
        let words = [
            section.flags,
            0,
            (HEADER + body.len()) as u64,
            section.data.len() as u64,
        ];
        table.extend(section.name.to_ne_bytes());
        table.extend(section.kind.to_ne_bytes());
        table.extend(words.iter().flat_map(|word| word.to_ne_bytes()));
        table.extend(section.link.to_ne_bytes());
        table.extend(section.info.to_ne_bytes());
        table.extend(8_u64.to_ne_bytes());
        table.extend(section.entry.to_ne_bytes());
        body.extend_from_slice(&section.data);
    }
    body.resize(body.len().next_multiple_of(8), 0);
    let order = if cfg!(target_endian = "big") { 2 } else { 1 };
    let mut out = vec![0x7f, b'E', b'L', b'F', 2, order, 1];
    out.resize(16, 0);
    // A relocatable file of version 1 without entry point or program headers.
    out.extend(
        [1_u16, MACHINE_BPF]
            .iter()
            .flat_map(|word| word.to_ne_bytes()),
    );
    out.extend(1_u32.to_ne_bytes());
    let offsets = [0, 0, (HEADER + body.len()) as u64];
    out.extend(offsets.iter().flat_map(|word| word.to_ne_bytes()));
    out.extend(0_u32.to_ne_bytes());
    // Sizes: this header, none, a section's header; there are five with the empty one.
    out.extend(
        [64_u16, 0, 0, 64, 5, 4]
            .iter()
            .flat_map(|word| word.to_ne_bytes()),
    );
    out.extend(body);
    out.extend(table);
    out
}

/// `r0 = answer; exit`.
fn program(answer: i32) -> Vec<u8> {
    let mut code = vec![0xb7, 0, 0, 0];
    code.extend(answer.to_ne_bytes());
    code.extend([0x95, 0, 0, 0, 0, 0, 0, 0]);
    code
}
