//! On which line of a policy file a resource stands.

use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document<'t> {
    #[serde(borrow)]
    statement: &'t RawValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Statement<'t> {
    #[serde(borrow)]
    resource: &'t RawValue,
}

/// The line of a resource, counted from 1; statement and resource are counted from 0.
#[must_use]
pub fn line_of(text: &str, statement: usize, resource: usize) -> Option<usize> {
    let document: Document<'_> = serde_json::from_str(text).ok()?;
    let statement: Statement<'_> = serde_json::from_str(nth(document.statement, statement)?).ok()?;
    let resource = nth(statement.resource, resource)?;
    // All of them are borrowed from the one text.
    let offset = resource.as_ptr().addr().checked_sub(text.as_ptr().addr())?;
    Some(text.bytes().take(offset).filter(|byte| *byte == b'\n').count().saturating_add(1))
}

/// An element of a list; one value without a list is its only element.
fn nth(value: &RawValue, at: usize) -> Option<&str> {
    match serde_json::from_str::<Vec<&RawValue>>(value.get()) {
        Ok(list) => list.get(at).map(|one| one.get()),
        Err(_) => Some(value.get()).filter(|_| at == 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_resources() {
        let list = "{\n\"Statement\": [\n{ \"Resource\": \"a\" },\n{ \"Resource\": [\n\"b\",\n\"a\"] }\n] }";
        let single = "{ \"Version\": \"x\",\n \"Statement\":\n { \"Resource\":\n \"a\" } }";
        for (text, statement, resource, line) in [
            (list, 0, 0, Some(3)),
            (list, 1, 0, Some(5)),
            (list, 1, 1, Some(6)),
            (list, 1, 2, None),
            (list, 0, 1, None),
            (list, 2, 0, None),
            (single, 0, 0, Some(4)),
            (single, 1, 0, None),
            ("{}", 0, 0, None),
            ("", 0, 0, None),
        ] {
            assert_eq!(line_of(text, statement, resource), line, "{text} {statement} {resource}");
        }
    }
}
