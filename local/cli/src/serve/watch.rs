//! Notices changes of the files that a configuration needs.
//!
//! They are few and small, so they are polled: that works on every file system, and with editors that replace a file.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::fs::Metadata;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use iot_local_base::env::Env;
use iot_local_identity::deployment::document::{ConfigDocument, Field};
use tokio::time::Instant;

use crate::local_settings::FILE_NAME;

/// The time between two polls.
pub(super) const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// How long the files must stay unchanged. An editor may write several files, or one in several steps.
pub(super) const SETTLE_TIME: Duration = Duration::from_millis(300);

/// The state of a file when it was last read.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    modified: Option<SystemTime>,
    length: u64,
    /// Changes when a file is replaced, even within the resolution of its time. 0 where the system has none.
    inode: u64,
    content_hash: u64,
}

/// Files by their path, absent ones included.
type Snapshot = BTreeMap<PathBuf, Option<Seen>>;

/// The files of a configuration, and what is known of them.
pub(super) struct Watcher {
    config: PathBuf,
    /// The file of `--env`.
    env_file: Option<PathBuf>,
    env: Env,
    /// The files when their last change was reported.
    reported: Snapshot,
    /// A change that is not reported yet, and since when the files are as they are.
    pending: Option<(Snapshot, Instant)>,
    /// The policies and key files that the configuration names.
    named: Vec<PathBuf>,
}

impl Watcher {
    /// Remembers the present files. `config` is an absolute path.
    pub(super) fn new(config: &Path, env_file: Option<&Path>, env: Env) -> Self {
        let (config, env_file) = (config.to_owned(), env_file.map(Path::to_owned));
        let (reported, pending, named) = (Snapshot::new(), None, Vec::new());
        let mut watcher = Self { config, env_file, env, reported, pending, named };
        watcher.reported = watcher.snapshot();
        watcher
    }

    /// Returns the files that have changed, relative to the configuration's folder, once all have been unchanged for
    /// [`SETTLE_TIME`]. Otherwise empty.
    pub(super) fn poll(&mut self, now: Instant) -> Vec<String> {
        let current = self.snapshot();
        if has_same_content(&current, &self.reported) {
            self.pending = None;
            return Vec::new();
        }
        match &self.pending {
            Some((pending, since)) if has_same_content(&current, pending) => {
                if now.saturating_duration_since(*since) < SETTLE_TIME {
                    return Vec::new();
                }
            }
            _ => {
                self.pending = Some((current, now));
                return Vec::new();
            }
        }
        self.pending = None;
        let changed = changed(&self.reported, &current);
        self.reported = current;
        let folder = self.config.parent().unwrap_or(Path::new("/"));
        let relative = |path: &PathBuf| path.strip_prefix(folder).unwrap_or(path).display().to_string();
        changed.iter().map(relative).collect()
    }

    fn snapshot(&mut self) -> Snapshot {
        // While the configuration is not TOML, the files that it named before are watched.
        let text = std::fs::read_to_string(&self.config).unwrap_or_default();
        if let Some(document) = ConfigDocument::parse(&text) {
            self.named = named_files(&document, self.config.parent().unwrap_or(Path::new("/")), &self.env);
        }
        let pool = pool_files(&self.config);
        let files = [Some(&self.config), self.env_file.as_ref()].into_iter().flatten();
        let files = files.chain(&self.named).chain(&pool);
        let known = |path: &PathBuf| {
            let pending = self.pending.as_ref().and_then(|(pending, _)| pending.get(path));
            pending.or(self.reported.get(path)).and_then(Option::as_ref)
        };
        files.map(|path| (path.clone(), look(path, known(path)))).collect()
    }
}

/// The files of the identity pool: `local.toml`, and all files of `roles/`.
fn pool_files(config: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(config.with_file_name("roles")).into_iter().flatten();
    let roles = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let roles = roles.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    std::iter::once(config.with_file_name(FILE_NAME)).chain(roles).collect()
}

/// The policies and key files that a configuration names.
fn named_files(document: &ConfigDocument, folder: &Path, env: &Env) -> Vec<PathBuf> {
    let policies =
        document.tables("grant").into_iter().filter_map(|grant| grant.expanded_string("policy", env));
    let policies = policies.map(|name| folder.join("policies").join(format!("{name}.json")));
    let issuers = document.issuers();
    let keys = issuers.iter().filter_map(|issuer| issuer.field("keys"));
    let keys = keys.flat_map(|keys: Field<'_>| keys.usable_strings(env));
    let keys: Vec<_> = keys.filter_map(|source| Some(folder.join(source.strip_prefix("file:")?))).collect();
    policies.chain(keys).collect()
}

/// Reads a file, unless its time and length are those that are known.
fn look(path: &Path, known: Option<&Seen>) -> Option<Seen> {
    let metadata = std::fs::metadata(path).ok()?;
    let (modified, length, inode) = (metadata.modified().ok(), metadata.len(), inode(&metadata));
    if let Some(known) = known
        && modified.is_some()
        && (known.modified, known.length, known.inode) == (modified, length, inode)
    {
        return Some(known.clone());
    }
    let mut hasher = DefaultHasher::new();
    std::fs::read(path).ok()?.hash(&mut hasher);
    Some(Seen { modified, length, inode, content_hash: hasher.finish() })
}

#[cfg(unix)]
fn inode(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn inode(_: &Metadata) -> u64 {
    0
}

fn has_same_content(left: &Snapshot, right: &Snapshot) -> bool {
    changed(left, right).is_empty()
}

/// The files with another content, or in only one of the snapshots.
fn changed<'a>(left: &'a Snapshot, right: &'a Snapshot) -> Vec<PathBuf> {
    let hash = |files: &'a Snapshot, path: &PathBuf| {
        files.get(path).map(|seen| seen.as_ref().map(|seen| seen.content_hash))
    };
    let mut paths: Vec<_> = left.keys().chain(right.keys()).collect();
    paths.sort_unstable();
    paths.dedup();
    paths.into_iter().filter(|path| hash(left, path) != hash(right, path)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str =
        "issuer = [{ keys = [\"file:keys/a.json\", \"oidc\"] }]\ngrant = [{ policy = \"p\" }]\n";

    /// A folder, a watcher of its configuration, and a clock.
    struct Watched {
        folder: tempfile::TempDir,
        watcher: Watcher,
        now: Instant,
    }

    impl Watched {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            for name in ["policies", "keys", "roles"] {
                std::fs::create_dir(folder.path().join(name)).unwrap();
            }
            let path = |name: &str| folder.path().join(name);
            std::fs::write(path("authorizer.toml"), CONFIG).unwrap();
            std::fs::write(path("policies/p.json"), "{}").unwrap();
            let watcher = Watcher::new(&path("authorizer.toml"), Some(&path("env")), Env::default());
            Self { watcher, now: Instant::now(), folder }
        }

        /// Writes a file as many editors do: a new file under its name.
        fn replace(&self, name: &str, text: &str) {
            let draft = self.folder.path().join("draft");
            std::fs::write(&draft, text).unwrap();
            std::fs::rename(draft, self.folder.path().join(name)).unwrap();
        }

        /// Polls after so many milliseconds.
        fn poll(&mut self, millis: u64) -> Vec<String> {
            self.now = self.now.checked_add(Duration::from_millis(millis)).unwrap();
            self.watcher.poll(self.now)
        }
    }

    #[test]
    fn a_change_is_reported_once_the_files_are_unchanged_for_300_ms() {
        let mut watched = Watched::new();
        assert_eq!(watched.poll(1000), [""; 0]);
        watched.replace("policies/p.json", "{ }");
        assert_eq!(watched.poll(100), [""; 0]);
        assert_eq!(watched.poll(299), [""; 0]);
        // A further change starts the time again.
        watched.replace("authorizer.toml", &format!("{CONFIG}# more\n"));
        assert_eq!(watched.poll(1), [""; 0]);
        assert_eq!(watched.poll(299), [""; 0]);
        assert_eq!(watched.poll(1), ["authorizer.toml", "policies/p.json"]);
        assert_eq!(watched.poll(1000), [""; 0]);
    }

    #[test]
    fn key_files_env_files_and_new_policies_are_watched_and_no_others() {
        let mut watched = Watched::new();
        let mut report = |changes: &[(&str, &str)]| {
            changes.iter().for_each(|(name, text)| watched.replace(name, text));
            watched.poll(100);
            watched.poll(300)
        };
        assert_eq!(report(&[("keys/a.json", "1")]), ["keys/a.json"]);
        assert_eq!(report(&[("env", "A=1")]), ["env"]);
        assert_eq!(report(&[("policies/q.json", "1"), ("policies/p.cases.json", "1")]), [""; 0]);
        let other = CONFIG.replace("\"p\"", "\"q\"");
        assert_eq!(
            report(&[("authorizer.toml", &other)]),
            ["authorizer.toml", "policies/p.json", "policies/q.json"]
        );
        assert_eq!(report(&[("policies/q.json", "2")]), ["policies/q.json"]);
        assert_eq!(report(&[("policies/p.json", "2")]), [""; 0]);
        // The files of the last readable configuration are still watched.
        assert_eq!(report(&[("authorizer.toml", "[[")]), ["authorizer.toml"]);
        assert_eq!(report(&[("policies/q.json", "3")]), ["policies/q.json"]);
    }

    #[test]
    fn the_files_of_the_identity_pool_are_watched() {
        let mut watched = Watched::new();
        let mut report = |changes: &[(&str, &str)]| {
            changes.iter().for_each(|(name, text)| watched.replace(name, text));
            watched.poll(100);
            watched.poll(300)
        };
        assert_eq!(report(&[("local.toml", "region = \"eu-west-1\"")]), ["local.toml"]);
        assert_eq!(report(&[("roles/app.json", "1")]), ["roles/app.json"]);
        assert_eq!(
            report(&[("roles/app.json", "2"), ("roles/operator.json", "1"), ("roles/notes.md", "1")]),
            ["roles/app.json", "roles/operator.json"]
        );
        std::fs::remove_file(watched.folder.path().join("roles/app.json")).unwrap();
        watched.poll(100);
        assert_eq!(watched.poll(300), ["roles/app.json"]);
    }

    #[test]
    fn the_same_content_is_no_change_and_a_deleted_file_is_one() {
        let mut watched = Watched::new();
        watched.replace("policies/p.json", "{}");
        watched.poll(100);
        assert_eq!(watched.poll(300), [""; 0]);
        std::fs::remove_file(watched.folder.path().join("policies/p.json")).unwrap();
        watched.poll(100);
        assert_eq!(watched.poll(300), ["policies/p.json"]);
        // Changed back before it was reported.
        watched.replace("policies/p.json", "{}");
        watched.poll(100);
        std::fs::remove_file(watched.folder.path().join("policies/p.json")).unwrap();
        assert_eq!(watched.poll(300), [""; 0]);
    }
}
