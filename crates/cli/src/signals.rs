//! What a signal to stop does to a live analysis.

use serin_runner::watch::Interrupt;

/// Stops an analysis at the first SIGINT (Ctrl-C) or SIGTERM; the second ends the process at once, as
/// if nobody had listened. Where signals cannot be listened to, the first one does.
#[cfg(unix)]
pub(crate) fn stop_on_signals(interrupt: &Interrupt) {
    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;
    use signal_hook::low_level::emulate_default_handler;

    let Ok(mut signals) = Signals::new([SIGINT, SIGTERM]) else { return };
    let interrupt = interrupt.clone();
    std::thread::spawn(move || {
        for signal in &mut signals {
            if interrupt.is_stopped() {
                // It fails for signals that there are not.
                let _ = emulate_default_handler(signal);
            }
            interrupt.stop();
        }
    });
}

/// Elsewhere the system ends the process.
#[cfg(not(unix))]
pub(crate) fn stop_on_signals(_: &Interrupt) {}
