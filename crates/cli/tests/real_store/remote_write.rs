//! Prometheus's remote-write protocol, as far as native histograms need it: there is no other road
//! into a server for them but being scraped.
//!
//! Source: <https://prometheus.io/docs/specs/prw/remote_write_spec/>, version 1, and its
//! `types.proto`.

/// One sample of a native histogram: schema 0, so that each bucket is twice as wide as the one below.
#[derive(Clone, Debug)]
pub(crate) struct NativeSample {
    /// In milliseconds since the Unix epoch.
    pub(crate) time: i64,
    /// Observations at most this far from zero: in the zero bucket.
    pub(crate) zeros: u64,
    /// Observations in the buckets (0.5, 1], (1, 2], (2, 4] and so on.
    pub(crate) counts: Vec<u64>,
}

/// Encodes a write request: one series, packed as remote write wants it.
pub(crate) fn write_request(labels: &[(&str, &str)], samples: &[NativeSample]) -> Vec<u8> {
    let mut series = Vec::new();
    for (name, value) in labels {
        let mut label = Vec::new();
        bytes(&mut label, 1, name.as_bytes());
        bytes(&mut label, 2, value.as_bytes());
        bytes(&mut series, 1, &label);
    }
    for sample in samples {
        bytes(&mut series, 4, &histogram(sample));
    }
    let mut request = Vec::new();
    bytes(&mut request, 1, &series);
    snappy(&request)
}

fn histogram(sample: &NativeSample) -> Vec<u8> {
    let mut message = Vec::new();
    number(&mut message, 1, sample.zeros + sample.counts.iter().sum::<u64>());
    double(&mut message, 3, 1.0);
    number(&mut message, 4, zigzag(0));
    double(&mut message, 5, 1e-3);
    number(&mut message, 6, sample.zeros);
    let mut span = Vec::new();
    number(&mut span, 1, zigzag(0));
    number(&mut span, 2, sample.counts.len() as u64);
    bytes(&mut message, 11, &span);
    let (mut deltas, mut before) = (Vec::new(), 0);
    for &count in &sample.counts {
        varint(&mut deltas, zigzag(count as i64 - before));
        before = count as i64;
    }
    bytes(&mut message, 12, &deltas);
    number(&mut message, 15, sample.time as u64);
    message
}

fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)) as u64
}

fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn number(out: &mut Vec<u8>, field: u64, value: u64) {
    varint(out, field << 3);
    varint(out, value);
}

fn double(out: &mut Vec<u8>, field: u64, value: f64) {
    varint(out, field << 3 | 1);
    out.extend_from_slice(&value.to_le_bytes());
}

fn bytes(out: &mut Vec<u8>, field: u64, value: &[u8]) {
    varint(out, field << 3 | 2);
    varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

/// Frames bytes as snappy does, none of them compressed.
fn snappy(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    varint(&mut out, bytes.len() as u64);
    for chunk in bytes.chunks(60) {
        out.push(((chunk.len() - 1) as u8) << 2);
        out.extend_from_slice(chunk);
    }
    out
}
