//! Which files of a folder are Check files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::error::ChecksError;

/// Files of one folder.
const MOST_FILES: usize = 1000;
/// Folders in folders.
const MOST_DEPTH: usize = 16;
/// Folders and files that are looked at, Check files or not.
const MOST_ENTRIES: usize = 100_000;

/// Finds every `.yaml` and `.yml` file below a folder, by name. What begins with a dot is passed over, folders too;
/// a link is followed where it leads to a file of the folder. Returns beside them what is wrong with links.
///
/// # Errors
///
/// Where the folder cannot be read or has too much in it.
pub(super) fn check_files(
    folder: &Path,
    shown: &str,
) -> Result<(Vec<PathBuf>, Vec<String>), ChecksError> {
    let unreadable = |error| ChecksError::Unreadable { folder: shown.to_owned(), error };
    let root = folder.canonicalize().map_err(unreadable)?;
    if !root.is_dir() {
        return Err(unreadable(io::Error::from(io::ErrorKind::NotADirectory)));
    }
    let mut walk = Walk { root, shown, files: Vec::new(), faults: Vec::new(), entries: 0 };
    walk.folder(folder, 0)?;
    Ok((walk.files, walk.faults))
}

struct Walk<'a> {
    /// As the system knows it.
    root: PathBuf,
    shown: &'a str,
    files: Vec<PathBuf>,
    faults: Vec<String>,
    entries: usize,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, depth: usize) -> Result<(), ChecksError> {
        let too_much =
            |problem: String| ChecksError::TooMuch { folder: self.shown.to_owned(), problem };
        if depth > MOST_DEPTH {
            return Err(too_much(format!("more than {MOST_DEPTH} folders in each other")));
        }
        let unreadable =
            |error| ChecksError::Unreadable { folder: folder.display().to_string(), error };
        let mut entries = Vec::new();
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            self.entries += 1;
            if self.entries > MOST_ENTRIES {
                return Err(too_much(format!("more than {MOST_ENTRIES} files and folders")));
            }
            entries.push((entry.path(), entry.file_type().map_err(unreadable)?));
        }
        entries.sort_by(|left, right| left.0.cmp(&right.0));
        for (path, kind) in entries {
            if is_hidden(&path) {
                continue;
            }
            if kind.is_dir() {
                self.folder(&path, depth + 1)?;
            } else if kind.is_symlink() {
                self.link(path);
            } else if kind.is_file() && is_yaml(&path) {
                self.files.push(path);
            }
            if self.files.len() > MOST_FILES {
                let problem = format!("more than {MOST_FILES} Check files");
                return Err(ChecksError::TooMuch { folder: self.shown.to_owned(), problem });
            }
        }
        Ok(())
    }

    /// Takes a link to a file, as Kubernetes makes them of a ConfigMap. A folder that is linked to lies elsewhere
    /// in this one, and is read there.
    fn link(&mut self, path: PathBuf) {
        let shown = path.display();
        match path.canonicalize() {
            Ok(target) if !target.starts_with(&self.root) => self.faults.push(format!(
                "{shown}: it is a link that leads out of `{}`\n\nhint: put the file itself there",
                self.shown
            )),
            Ok(target) if target.components().any(|part| part.as_os_str() == ".git") => {
                self.faults.push(format!(
                    "{shown}: it is a link into what git keeps\n\nhint: put the file itself there"
                ));
            }
            Ok(target) if target.is_file() && is_yaml(&path) => self.files.push(path),
            Err(error) if is_yaml(&path) => self.faults.push(format!(
                "{shown}: it is a link that leads nowhere: {error}\n\nhint: remove it, or put the file itself there"
            )),
            Ok(_) | Err(_) => {}
        }
    }
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}
