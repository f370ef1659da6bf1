//! Shows a verdict to people and programs.
//!
//! Each format is a pure function of a [`Report`]: [`table()`] for people at terminals, [`lines()`] for
//! logs, [`html`] for one file that needs nothing else, [`markdown()`], [`junit()`] and [`metrics()`] for
//! the pages of a pipeline, [`github`] for its runner, and JSON by the report's own `serde`. Nothing here
//! decides anything, reads a clock, or knows where its text goes. What is said before a rollout is a
//! [`PlanReport`], what is wrong with a Check file a [`LintReport`], with formats of their own.

mod align;
mod axis;
mod change;
mod changes;
mod checks;
mod clock;
mod columns;
mod distribution;
mod evidence;
mod evidence_bar;
mod evidence_columns;
mod evidence_facts;
mod evidence_notes;
mod evidence_section;
mod fleet;
mod forest;
pub mod github;
mod grid;
mod headline;
mod junit;
mod label;
mod lines;
mod lint;
mod live;
mod markdown;
mod markdown_text;
mod metrics;
mod next;
mod overlay;
mod page;
mod plain_number;
mod plan;
mod ratio_ticks;
mod replay;
mod report;
mod scale;
mod scorecard;
mod section;
mod self_test;
mod svg;
mod table;
mod wording;

pub use crate::changes::{
    ChangesReport, KnownGoodChange, NotedChange, Proof, ScopeChanges, changes_json_schema,
    changes_table, known_good_table,
};
pub use crate::checks::{
    AppliedCheck, AppliedText, CheckState, CheckStatus, ChecksReport, ComparedFolder, Removal,
    TextDifference, checks_json_schema, checks_list_table, checks_plan_table,
};
pub use crate::clock::{length_in_words, moment_in_words};
pub use crate::fleet::{
    FleetReport, fleet_headline, fleet_html, fleet_json_schema, fleet_lines, fleet_markdown,
    fleet_table,
};
pub use crate::headline::{headline, service};
pub use crate::junit::junit;
pub use crate::lines::lines;
pub use crate::lint::{
    LintAsked, LintReport, lint_codes, lint_json_schema, lint_lines, lint_table,
};
pub use crate::live::{LiveVerdict, live_line, live_panel};
pub use crate::markdown::markdown;
pub use crate::metrics::metrics;
pub use crate::page::{STYLES, html};
pub use crate::plan::{
    PlanReport, plan_html, plan_json_schema, plan_markdown, plan_table, summary as plan_summary,
};
pub use crate::replay::{
    CanaryTruth, Flip, FlipKind, ReplayCounts, ReplayReport, ReplayedCheck, Untold,
    replay_json_schema, replay_markdown, replay_table,
};
pub use crate::report::{Input, Report, json_schema};
pub use crate::scorecard::{
    CheckScorecard, Counts, ListedVerdict, OverriddenCounts, Readiness, Remark, ScorecardReport,
    ServiceScorecard, VerdictTruth, VerdictsReport, scorecard_json_schema, scorecard_table,
    verdicts_json_schema, verdicts_table,
};
pub use crate::self_test::{
    SelfTestReport, recommendations_in_words, self_test_json_schema, self_test_markdown,
    self_test_summary, self_test_table,
};
pub use crate::table::{Style, table};
