//! What a token was given: the answer, and which line of which template each right comes from.

use std::time::Duration;

use iot_jwt_authorizer::authorizer::{Authorizer, Issuer};
use iot_jwt_authorizer::log;
use iot_jwt_authorizer::policy::{
    Bindings, Grant, MAX_DOCUMENT_CHARACTERS, MAX_DOCUMENTS, Part, Policies, Statement, Template,
};
use iot_jwt_authorizer::response::{Answer, PrincipalId};
use iot_jwt_authorizer::verify::Claims;
use serde_json::Value;

use crate::explain::{Granted, Mark, Piece, Row};

/// Whose grant it is.
pub(super) struct Of<'a> {
    pub(super) authorizer: &'a Authorizer,
    pub(super) issuer: &'a Issuer,
    pub(super) claims: &'a Claims<'a>,
    pub(super) templates: &'a [&'a Template],
    pub(super) bindings: &'a Bindings<'a>,
}

pub(super) fn granted(grant: Grant, of: &Of<'_>, principal: PrincipalId, remaining: Duration) -> Granted {
    let answer = Answer::allow(principal, grant, of.authorizer.session, remaining);
    let texts: Vec<&str> = answer.documents().iter().map(|document| document.get()).collect();
    let policy_hash = log::policy_hash(texts.iter().copied());
    let documents = texts.iter().filter_map(|text| serde_json::from_str(text).ok()).collect();
    let principal = answer.principal().as_str().to_owned();
    let whole = serde_json::to_value(&answer).unwrap_or_default();
    let seconds = |name: &str| whole.get(name).and_then(Value::as_u64).unwrap_or_default();
    Granted {
        issuer: of.issuer.id.to_string(),
        principal,
        client_id: of.bindings.client_id().map(str::to_owned),
        client_ids: client_ids(of.issuer, of.claims),
        disconnect_after: seconds("disconnectAfterInSeconds"),
        refresh_after: seconds("refreshAfterInSeconds"),
        documents,
        policy_hash,
        pieces: of.templates.iter().flat_map(|template| pieces(template, of.bindings)).collect(),
    }
}

/// Every client id that a token may use. Patterns whose slots cannot be filled are left out, as they admit nothing.
pub(super) fn client_ids(issuer: &Issuer, claims: &Claims<'_>) -> Vec<String> {
    let mut all = Vec::new();
    for pattern in &issuer.client_ids {
        let mut texts = vec![String::new()];
        for part in &pattern.text.parts {
            let values = match part {
                Part::Literal(text) => vec![text.to_string()],
                Part::Issuer => vec![issuer.id.to_string()],
                Part::Slot(index) => {
                    let values = issuer.slots.get(*index).and_then(|slot| slot.read(claims).ok().flatten());
                    values.map(|values| values.iter().map(str::to_owned).collect()).unwrap_or_default()
                }
                // Client ids know no others.
                _ => Vec::new(),
            };
            let added =
                |text: &String| values.iter().map(|value| format!("{text}{value}")).collect::<Vec<_>>();
            texts = texts.iter().flat_map(added).collect();
        }
        let tail = if pattern.tail { "*" } else { "" };
        all.extend(texts.into_iter().map(|text| format!("{text}{tail}")));
    }
    all
}

/// The template taken apart into its resources, each filled by itself.
fn pieces(template: &Template, bindings: &Bindings<'_>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for (at, statement) in template.statements.iter().enumerate() {
        for (place, resource) in statement.resources.iter().enumerate() {
            let alone = Template {
                name: template.name.clone(),
                statements: vec![Statement { resources: vec![resource.clone()], ..statement.clone() }],
                used: template.used.clone(),
            };
            let documents =
                Policies::grant(&[&alone], bindings).map(Grant::into_documents).unwrap_or_default();
            pieces.push(Piece {
                template: template.name.to_string(),
                statement: at,
                resource: place,
                documents: documents
                    .iter()
                    .filter_map(|text| serde_json::from_str(text.get()).ok())
                    .collect(),
            });
        }
    }
    pieces
}

/// Sizes, and what was left out for want of a value.
pub(super) fn rows(granted: &Granted) -> Vec<Row> {
    let mut rows = vec![Row::check(
        true,
        "documents",
        granted.documents.len().to_string(),
        format!("at most {MAX_DOCUMENTS}"),
    )];
    for (number, document) in (1..).zip(&granted.documents) {
        let length = document.to_string().len();
        rows.push(Row::check(
            true,
            format!("document {number}"),
            format!("{length} characters"),
            format!("at most {MAX_DOCUMENT_CHARACTERS}"),
        ));
    }
    for piece in granted.pieces.iter().filter(|piece| piece.documents.is_empty()) {
        let name = format!("policies/{}.json", piece.template);
        let place = format!("Statement[{}].Resource[{}]", piece.statement, piece.resource);
        rows.push(Row {
            mark: Mark::Unmet,
            name,
            actual: format!("{place} is left out: it has a value that is absent"),
            expected: None,
        });
    }
    rows
}
