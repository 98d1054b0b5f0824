//! `[revocation]`: where the revocation list is, and how long it counts.

use super::document::Reader;
use super::folder::Folder;
use super::issuer::lifetimes;
use super::schema;
use super::schema::revocation as key;
use super::table::Table;
use crate::authorizer::Issuer;
use crate::revocation::{ListOrigin, ListSource, WhenStale};

/// Reads `[revocation]`. The list itself is read while the function runs.
pub(super) fn source<'d>(
    reader: &mut Reader<'d>,
    root: &Table<'d>,
    issuers: &[Issuer],
    folder: &mut Folder,
) -> Option<ListSource> {
    let table = reader.table(root, &schema::REVOCATION)?;
    let source = reader.string(&table, &key::SOURCE);
    let hint = "the list would be dropped before it is fetched again";
    let lifetimes = lifetimes(reader, &table, [&key::REFRESH_SECONDS, &key::MAX_STALE_SECONDS], hint);
    let when_stale = when_stale(reader, &table);
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

fn when_stale<'d>(reader: &mut Reader<'d>, table: &Table<'d>) -> WhenStale {
    let Some(text) = reader.string(table, &key::WHEN_STALE) else { return WhenStale::default() };
    let known = WhenStale::ALL.into_iter().find(|known| known.name() == text.value);
    known.unwrap_or_else(|| {
        let what = format!("unknown `when_stale` `{}`; expected `deny` or `allow`", text.value);
        reader.error(&text.span, what);
        WhenStale::default()
    })
}
