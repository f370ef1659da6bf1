//! The recording: a long CSV that `serin`'s `file` source reads.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;

use crate::exposition::Sample;
use crate::fleet::Pod;

/// The columns, in their order.
pub const HEADER: [&str; 7] = ["time", "metric", "track", "pod", "code", "le", "value"];

/// A recording that is being written.
///
/// It has `partial` in its name until it is whole, so that an interrupted run
/// never takes the place of a good recording.
#[derive(Debug)]
pub struct Recording {
    rows: csv::Writer<Ink>,
    partial: PathBuf,
    whole: PathBuf,
}

impl Recording {
    /// Begins a recording that will be at `path`, gzipped when that ends in
    /// `.gz`. Folders on the way are made.
    ///
    /// # Errors
    ///
    /// When the file cannot be made.
    pub fn create(path: &Path) -> anyhow::Result<Self> {
        let partial = partial_path(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)
                .with_context(|| format!("failed to make the folder `{}`", folder.display()))?;
        }
        let file = File::create(&partial)
            .with_context(|| format!("failed to make the file `{}`", partial.display()))?;
        let mut rows = csv::Writer::from_writer(Ink::new(BufWriter::new(file), path));
        rows.write_record(HEADER)?;
        Ok(Self { rows, partial, whole: path.to_owned() })
    }

    /// Writes what one replica reported in the round of `time`.
    ///
    /// A histogram's `_sum` and `_count` are left out: the buckets answer what
    /// is asked of a recording, and `+Inf` is the count.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn write(&mut self, time: Timestamp, pod: &Pod, samples: &[Sample]) -> anyhow::Result<()> {
        write_rows(&mut self.rows, time, pod, samples)
            .with_context(|| format!("failed to write to `{}`", self.partial.display()))
    }

    /// Writes one sample of Prometheus, with the arm and the replica that its
    /// labels `track` and `pod` name.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn write_sample(&mut self, time: Timestamp, sample: &Sample) -> anyhow::Result<()> {
        let label = |name| sample.labels.get(name).map_or("", String::as_str);
        write_row(&mut self.rows, &time.to_string(), label("track"), label("pod"), sample)
            .with_context(|| format!("failed to write to `{}`", self.partial.display()))
    }

    /// Closes a recording that has all its rounds; returns where it is.
    ///
    /// # Errors
    ///
    /// When the file cannot be written or renamed.
    pub fn finish(self) -> anyhow::Result<PathBuf> {
        let whole = self.whole.clone();
        let partial = self.finish_partial()?;
        fs::rename(&partial, &whole)
            .with_context(|| format!("failed to rename `{}`", partial.display()))?;
        Ok(whole)
    }

    /// Closes a recording that was interrupted; returns where it is. It can be
    /// read like a whole one.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn finish_partial(self) -> anyhow::Result<PathBuf> {
        self.rows
            .into_inner()
            .map_err(csv::IntoInnerError::into_error)
            .and_then(Ink::finish)
            .with_context(|| format!("failed to write to `{}`", self.partial.display()))?;
        Ok(self.partial)
    }
}

fn write_rows<W: Write>(
    rows: &mut csv::Writer<W>,
    time: Timestamp,
    pod: &Pod,
    samples: &[Sample],
) -> csv::Result<()> {
    let (time, track) = (time.to_string(), pod.track.to_string());
    for sample in samples.iter().filter(|sample| is_recorded(&sample.name)) {
        write_row(rows, &time, &track, &pod.name, sample)?;
    }
    Ok(())
}

fn write_row<W: Write>(
    rows: &mut csv::Writer<W>,
    time: &str,
    track: &str,
    pod: &str,
    sample: &Sample,
) -> csv::Result<()> {
    let label = |name| sample.labels.get(name).map_or("", String::as_str);
    let value = sample.value.to_string();
    rows.write_record([time, &sample.name, track, pod, label("code"), label("le"), &value])
}

fn is_recorded(metric: &str) -> bool {
    !metric.ends_with("_sum") && !metric.ends_with("_count")
}

/// `good.csv.gz` while it is written: `good.partial.csv.gz`.
fn partial_path(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let (stem, extension) = name.split_once('.').unwrap_or((&name, "csv"));
    path.with_file_name(format!("{stem}.partial.{extension}"))
}

/// What rows are written with.
#[derive(Debug)]
enum Ink {
    Plain(BufWriter<File>),
    Gzipped(Box<GzEncoder<BufWriter<File>>>),
}

impl Ink {
    fn new(file: BufWriter<File>, path: &Path) -> Self {
        if path.extension().is_some_and(|extension| extension == "gz") {
            Self::Gzipped(Box::new(GzEncoder::new(file, Compression::best())))
        } else {
            Self::Plain(file)
        }
    }

    fn finish(self) -> std::io::Result<()> {
        match self {
            Self::Plain(mut file) => file.flush(),
            Self::Gzipped(encoder) => encoder.finish()?.flush(),
        }
    }
}

impl Write for Ink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Plain(file) => file.write(bytes),
            Self::Gzipped(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::Plain(file) => file.flush(),
            Self::Gzipped(encoder) => encoder.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::exposition;
    use crate::fleet::Track;

    use super::*;

    #[test]
    fn a_row_has_every_column_and_only_its_own_labels() {
        let pod = Pod {
            track: Track::Canary,
            name: "checkout-canary-2".to_owned(),
            address: String::new(),
        };
        let samples = exposition::parse(
            "http_requests_total{code=\"500\"} 12\n\
             latency_bucket{le=\"0.05\"} 7\n\
             latency_bucket{le=\"+Inf\"} 9\n\
             latency_sum 0.4\n\
             latency_count 9\n\
             process_cpu_seconds_total 0.07\n\
             process_resident_memory_bytes 1.2345678e+07\n",
        )
        .unwrap();
        let mut rows = csv::Writer::from_writer(Vec::new());
        rows.write_record(HEADER).unwrap();
        write_rows(&mut rows, "2026-11-23T08:30:05Z".parse().unwrap(), &pod, &samples).unwrap();

        let text = String::from_utf8(rows.into_inner().unwrap()).unwrap();
        assert_eq!(
            text,
            "\
time,metric,track,pod,code,le,value
2026-11-23T08:30:05Z,http_requests_total,canary,checkout-canary-2,500,,12
2026-11-23T08:30:05Z,latency_bucket,canary,checkout-canary-2,,0.05,7
2026-11-23T08:30:05Z,latency_bucket,canary,checkout-canary-2,,+Inf,9
2026-11-23T08:30:05Z,process_cpu_seconds_total,canary,checkout-canary-2,,,0.07
2026-11-23T08:30:05Z,process_resident_memory_bytes,canary,checkout-canary-2,,,12345678
"
        );
    }

    #[test]
    fn an_unfinished_recording_says_so_in_its_name() {
        for (whole, partial) in [
            ("examples/good.csv.gz", "examples/good.partial.csv.gz"),
            ("good.csv", "good.partial.csv"),
            ("good", "good.partial.csv"),
        ] {
            assert_eq!(partial_path(Path::new(whole)), Path::new(partial));
        }
    }
}
