//! The only place that prints.

/// Prints a line for the person at the terminal, to standard error.
#[expect(clippy::print_stderr, reason = "The rig is a command, and this is where it speaks.")]
pub fn say(line: &str) {
    eprintln!("{line}");
}

/// Prints a line that another program may read, to standard output.
#[expect(clippy::print_stdout, reason = "The rig is a command, and this is where it answers.")]
pub fn show(line: &str) {
    println!("{line}");
}
