//! `[revocation]`: where the revocation list is, and how long it counts.

use std::time::Duration;

use super::document::{Reader, Table};
use super::folder::Folder;
use super::issuer::lifetimes;
use crate::authorizer::Issuer;
use crate::revocation::{ListOrigin, ListSource, WhenStale};
use crate::source::schedule::Lifetimes;

/// Reads `[revocation]`. The list itself is read while the function runs.
pub(super) fn source<'d>(
    reader: &mut Reader<'d>,
    root: &mut Table<'d>,
    issuers: &[Issuer],
    folder: &mut Folder,
) -> Option<ListSource> {
    let mut table = root.take("revocation").and_then(|item| reader.table("[revocation]", item))?;
    if table.take("source").is_none() {
        reader.missing(&table, "source", "say where the list is, as \"file:revoked.json\"");
    }
    let source = reader.string(&mut table, "source");
    let default = Lifetimes { refresh: Duration::from_secs(60), max_stale: Duration::from_secs(3600) };
    let hint = "the list would be dropped before it is fetched again";
    let lifetimes = lifetimes(reader, &mut table, default, hint);
    let when_stale = when_stale(reader, &mut table);
    reader.finish(&table);
    let source = source?;
    match ListOrigin::parse(&source.value, folder.root()) {
        Ok(origin) => {
            folder.name_list(&origin);
            let issuers = issuers.iter().map(|issuer| issuer.id.clone()).collect();
            Some(ListSource::new(origin, lifetimes, when_stale, issuers))
        }
        Err(expected) => {
            reader.error(&source.span, format!("invalid `source` `{}`; {expected}", source.value));
            None
        }
    }
}

fn when_stale<'d>(reader: &mut Reader<'d>, table: &mut Table<'d>) -> WhenStale {
    let Some(text) = reader.string(table, "when_stale") else { return WhenStale::default() };
    let known = WhenStale::ALL.into_iter().find(|known| known.name() == text.value);
    known.unwrap_or_else(|| {
        let what = format!("unknown `when_stale` `{}`; expected `deny` or `allow`", text.value);
        reader.error(&text.span, what);
        WhenStale::default()
    })
}
