//! One analysis from its question to its answer, and many labelled ones for comparison.
//!
//! The only crate that knows the wall clock. It opens files, asks sources, hands what they answer to
//! a judge, and makes a report of what the judge says.

mod acting;
mod authorities;
pub mod bench;
mod cdevents;
mod changes;
mod check_file;
pub mod checks;
pub mod commit_status;
mod discovery;
mod entry;
mod error;
mod fetch;
mod fleet;
mod history;
mod http;
mod judge;
mod large_file;
mod ledger;
mod left_out;
mod lint;
pub mod live;
mod moment;
mod note;
mod plan;
mod progress;
mod question;
mod recording;
mod remark;
mod remote;
mod scorecard;
mod self_test;
mod sent;
mod service;
mod store;
mod text_file;
mod usual;
pub mod watch;

pub use crate::acting::{ActAsked, Acted, ActingRule, act_in_words, is_unknown};
pub use crate::cdevents::{CdEvents, CdEventsAsked, CdEventsError, PassedOver, read_cdevents};
pub use crate::changes::{ChangesAsked, changes};
pub use crate::check_file::explain_file;
pub use crate::discovery::{Discovery, DiscoveryAsked, PackFound, discover};
pub use crate::entry::EntryError;
pub use crate::error::RunError;
pub use crate::fleet::ask_each;
pub use crate::history::HistoryAsked;
pub use crate::http::Egress;
pub use crate::judge::ask;
pub use crate::ledger::{open_ledger, prune_ledger};
pub use crate::lint::{LintAsk, lint};
pub use crate::moment::{now, parse_length, parse_length_or_nothing, parse_moment};
pub use crate::note::{Note, Noted, PreparedNote, note, note_at};
pub use crate::plan::{PlanAsked, plan};
pub use crate::progress::{Progress, Stopwatch};
pub use crate::question::{JudgeKind, Overrides, Question, TimeAsked};
pub use crate::remark::{Remark, Remarked, label, label_at, override_verdict, override_verdict_at};
pub use crate::remote::{Remote, RemoteError, RemoteListener, RemoteRequest, Tries};
pub use crate::scorecard::{USUAL_BOUND, scorecard, verdicts};
pub use crate::self_test::{SelfTestAsked, is_surely_above_promise, self_test};
pub use crate::sent::{Sent, judge_sent, recording_to_send, service_of};
pub use crate::service::{ServiceAsked, draft, explain_service, found_source};
