//! Writes the sample reports as pages and as text, to be looked at.
//!
//! `cargo run -p serin-report --example pages -- DIRECTORY`

use std::path::PathBuf;
use std::{env, fs, io};

use serin_report::{Style, html, table};

#[path = "../tests/sample/mod.rs"]
#[allow(dead_code, unreachable_pub, reason = "the tests use the rest of it")]
mod sample;

fn main() -> io::Result<()> {
    let directory = env::args_os().nth(1).map_or_else(env::temp_dir, PathBuf::from);
    fs::create_dir_all(&directory)?;
    let reports = [
        ("failing", sample::failing()),
        ("good", sample::good()),
        ("silent", sample::silent()),
        ("nothing", sample::nothing()),
        ("hostile", sample::hostile()),
        ("sequential-failing", sample::sequential::failing()),
        ("sequential-passing", sample::sequential::passing()),
        ("sequential-undecided", sample::sequential::undecided()),
        ("sequential-waiting", sample::sequential::waiting()),
        ("sequential-hostile", sample::sequential::hostile()),
    ];
    for (name, report) in reports {
        let page = html(&report).map_err(io::Error::other)?;
        fs::write(directory.join(format!("{name}.html")), page)?;
        for width in [40, 60, 80, 120, 140] {
            let text = table(&report, Style { colour: false, width });
            fs::write(directory.join(format!("{name}-{width}.txt")), text)?;
        }
    }
    Ok(())
}
