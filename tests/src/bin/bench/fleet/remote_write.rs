//! Requests of Prometheus's remote write protocol 0.1: protobuf in a snappy block.

/// One request.
#[derive(Default)]
pub(crate) struct Request(Vec<u8>);

impl Request {
    pub(crate) const HEADERS: &'static [(&'static str, &'static str)] = &[
        ("Content-Encoding", "snappy"),
        ("Content-Type", "application/x-protobuf"),
        ("X-Prometheus-Remote-Write-Version", "0.1.0"),
    ];

    /// Adds a series: labels sorted by name, samples by time in milliseconds.
    pub(crate) fn push(
        &mut self,
        labels: &[(String, String)],
        samples: impl Iterator<Item = (i64, f64)>,
    ) {
        let mut series = Vec::new();
        for (name, value) in labels {
            let mut label = Vec::new();
            field(&mut label, 1, name.as_bytes());
            field(&mut label, 2, value.as_bytes());
            field(&mut series, 1, &label);
        }
        for (at, value) in samples {
            // Field 1, eight bytes; field 2, a varint.
            let mut sample = vec![1 << 3 | 1];
            sample.extend(value.to_le_bytes());
            sample.push(2 << 3);
            varint(&mut sample, u64::try_from(at).unwrap_or_default());
            field(&mut series, 2, &sample);
        }
        field(&mut self.0, 1, &series);
    }

    /// A snappy block of literals only: the format asks for no compression.
    pub(crate) fn body(&self) -> Vec<u8> {
        const MOST: usize = 1 << 16;
        let mut body = Vec::with_capacity(self.0.len() + 16);
        varint(&mut body, self.0.len() as u64);
        for literal in self.0.chunks(MOST) {
            // 61: the length less one stands in the next two bytes.
            let length = u16::try_from(literal.len() - 1).unwrap_or(u16::MAX);
            body.push(61 << 2);
            body.extend(length.to_le_bytes());
            body.extend(literal);
        }
        body
    }
}

/// A field of so many bytes.
fn field(out: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    out.push(number << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend(bytes);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            return out.push(low & 0x7f);
        }
        out.push(low | 0x80);
    }
}
