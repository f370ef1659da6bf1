//! The options for a service that has no Check file.

use clap::{Args, ValueHint};
use serin_model::LabelSelector;
use serin_runner::{Progress, Question, ServiceAsked};

/// What is said of a service on the command line.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "A service without a Check file")]
pub(crate) struct ServiceOptions {
    /// A service to ask about without a Check file: the rest is in a file of defaults, or found in the
    /// store
    #[arg(long, value_name = "NAME")]
    pub(crate) service: Option<String>,

    /// The labels of the version already trusted, such as track=stable; several are divided by commas
    #[arg(long, value_name = "LABELS", value_parser = parse_labels, requires = "canary")]
    control: Option<LabelSelector>,

    /// The labels of the version under test, such as track=canary
    #[arg(long, value_name = "LABELS", value_parser = parse_labels, requires = "control")]
    canary: Option<LabelSelector>,

    /// The label that tells replicas apart, such as pod
    #[arg(long, value_name = "LABEL")]
    replica_label: Option<String>,

    /// The file with defaults for all services, itself a Check file; without it the one that
    /// SERIN_DEFAULTS names, else serin.yaml in the working folder
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) defaults: Option<String>,
}

impl ServiceOptions {
    /// Returns what is said, beside the address of a store.
    pub(crate) fn asked(&self, url: Option<&str>, is_recorded: bool) -> ServiceAsked {
        ServiceAsked {
            service: self.service.clone(),
            arms: self.control.clone().zip(self.canary.clone()),
            replica: self.replica_label.clone(),
            defaults: self.defaults.clone(),
            url: url.map(str::to_owned),
            is_recorded,
        }
    }

    /// Returns what is asked: by a file where there is one, else by these options.
    pub(crate) fn question(
        &self,
        file: Option<&str>,
        url: Option<&str>,
        is_recorded: bool,
        progress: &dyn Progress,
    ) -> anyhow::Result<Question> {
        Ok(match file {
            Some(file) => {
                self.refuse_beside_a_file()?;
                Question::of_check_file(file)?
            }
            None => Question::of_service(&self.asked(url, is_recorded), progress)?,
        })
    }

    /// A file says itself what the options say.
    pub(crate) fn refuse_beside_a_file(&self) -> anyhow::Result<()> {
        let given = [
            ("--control", self.control.is_some()),
            ("--replica-label", self.replica_label.is_some()),
            ("--defaults", self.defaults.is_some()),
        ];
        match given.into_iter().find(|(_, is_given)| *is_given) {
            None => Ok(()),
            Some((option, _)) => anyhow::bail!(
                "`{option}` is for a service without a Check file, and a file is given\n\nhint: write it \
                 into the file (`arms`, `replica`, `extends`), or give `--service` instead of the file"
            ),
        }
    }
}

/// Reads `track=canary,app=shop`.
fn parse_labels(text: &str) -> Result<LabelSelector, String> {
    let hint = || "write labels as `track=canary`, several as `track=canary,app=shop`".to_owned();
    let mut labels = LabelSelector::new();
    for label in text.split(',') {
        let (name, value) = label.split_once('=').ok_or_else(hint)?;
        let value = value.trim().trim_matches('"');
        if name.trim().is_empty()
            || labels.insert(name.trim().to_owned(), value.to_owned()).is_some()
        {
            return Err(hint());
        }
    }
    Ok(labels)
}

#[cfg(test)]
mod tests {
    use super::parse_labels;

    #[test]
    fn labels_are_written_as_people_write_them() {
        let shown = |text: &str| parse_labels(text).map(|labels| format!("{labels:?}"));
        assert_eq!(shown("track=canary").as_deref(), Ok(r#"{"track": "canary"}"#));
        assert_eq!(
            shown("track=\"canary\", app = shop").as_deref(),
            Ok(r#"{"app": "shop", "track": "canary"}"#)
        );
        assert_eq!(shown("canary=").as_deref(), Ok(r#"{"canary": ""}"#));
        for text in ["", "canary", "=x", "a=b,a=c", "a=b,"] {
            assert!(shown(text).is_err(), "{text}");
        }
    }
}
