//! Lists in pages: `pageSize` and `marker`, or `maxResults` and `nextToken`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Input, expected};
use crate::error::ApiError;

/// How many items a page has unless the request says so.
const DEFAULT_SIZE: usize = 25;
const MAX_SIZE: i64 = 250;

/// Which page of a list is requested.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    /// The list, which is part of a token: a token of another list is invalid.
    list: &'static str,
    size: usize,
    /// The key of the last item of the page before.
    after: Option<String>,
    is_descending: bool,
}

impl Page {
    /// Reads `pageSize`, `marker` and `isAscendingOrder`. Without the latter, the newest item is the first.
    ///
    /// # Errors
    /// InvalidRequest that names the member.
    pub(crate) fn by_marker(list: &'static str, input: &Input) -> Result<Self, ApiError> {
        let is_ascending = input.query_flag("isAscendingOrder")?.unwrap_or(false);
        Ok(Self { is_descending: !is_ascending, ..Self::read(list, input, "pageSize", "marker", MAX_SIZE)? })
    }

    /// Reads `maxResults` and `nextToken`. The items are in ascending order.
    ///
    /// # Errors
    /// InvalidRequest that names the member.
    pub(crate) fn by_token(list: &'static str, input: &Input) -> Result<Self, ApiError> {
        Self::by_token_up_to(list, input, MAX_SIZE)
    }

    /// The same with another largest page.
    ///
    /// # Errors
    /// InvalidRequest that names the member.
    pub(crate) fn by_token_up_to(list: &'static str, input: &Input, max: i64) -> Result<Self, ApiError> {
        Self::read(list, input, "maxResults", "nextToken", max)
    }

    /// The same with the keys in ascending order, for lists by name.
    pub(crate) fn ascending(self) -> Self {
        Self { is_descending: false, ..self }
    }

    fn read(list: &'static str, input: &Input, size: &str, token: &str, max: i64) -> Result<Self, ApiError> {
        let number = input.query_integer(size)?;
        let number = number.map(|number| {
            let in_range = (1..=max).contains(&number).then(|| usize::try_from(number).ok()).flatten();
            in_range.ok_or_else(|| expected(size, &format!("an integer from 1 to {max}")))
        });
        let after = input.query(token).map(|text| {
            read_token(list, text).ok_or_else(|| expected(token, "the token of the page before this one"))
        });
        Ok(Self {
            list,
            size: number.transpose()?.unwrap_or(DEFAULT_SIZE),
            after: after.transpose()?,
            is_descending: false,
        })
    }

    /// Returns the items of this page and the token of the next. Each item comes with its key, which is unique and
    /// gives the order.
    pub(crate) fn cut<T>(&self, items: impl IntoIterator<Item = (String, T)>) -> (Vec<T>, Option<String>) {
        let mut items: Vec<_> = items.into_iter().filter(|(key, _)| self.is_ahead(key)).collect();
        items.sort_unstable_by(|(left, _), (right, _)| left.cmp(right));
        if self.is_descending {
            items.reverse();
        }
        let has_more = items.len() > self.size;
        items.truncate(self.size);
        let token = items.last().filter(|_| has_more).map(|(key, _)| token(self.list, key));
        (items.into_iter().map(|(_, item)| item).collect(), token)
    }

    /// The same for items that are in ascending order of their keys already, such as all things.
    pub(crate) fn cut_sorted<'a, T>(
        &self,
        items: impl Iterator<Item = (&'a str, T)>,
    ) -> (Vec<T>, Option<String>) {
        let mut ahead = items.filter(|(key, _)| self.is_ahead(key)).fuse();
        let page: Vec<_> = ahead.by_ref().take(self.size).collect();
        let has_more = ahead.next().is_some();
        let token = page.last().filter(|_| has_more).map(|(key, _)| token(self.list, key));
        (page.into_iter().map(|(_, item)| item).collect(), token)
    }

    fn is_ahead(&self, key: &str) -> bool {
        match self.after.as_deref() {
            None => true,
            Some(after) if self.is_descending => key < after,
            Some(after) => key > after,
        }
    }
}

/// Returns the key of an item in a list by time: first the time, then the name.
pub(crate) fn key_by_time(milliseconds: i64, name: &str) -> String {
    format!("{milliseconds:020}/{name}")
}

fn token(list: &str, key: &str) -> String {
    STANDARD.encode(format!("{list}\n{key}"))
}

fn read_token(list: &str, text: &str) -> Option<String> {
    let text = String::from_utf8(STANDARD.decode(text).ok()?).ok()?;
    text.strip_prefix(list)?.strip_prefix('\n').map(str::to_owned)
}
