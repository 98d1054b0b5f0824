//! What a token is granted, and which resource of which template each permission comes from.

use iot_jwt_authorizer::authorizer::Issuer;
use iot_jwt_authorizer::bindings::Bindings;
use iot_jwt_authorizer::claims::Claims;
use iot_jwt_authorizer::log;
use iot_jwt_authorizer::policy::{
    Grant, MAX_DOCUMENT_CHARACTERS, MAX_DOCUMENTS, Policies, Statement, Template,
};
use iot_jwt_authorizer::response::Response;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::explain::render::client_ids;
use crate::explain::{Granted, Mark, Row, TemplatePiece};

pub(super) fn granted(
    response: &Response,
    issuer: &Issuer,
    claims: &Claims<'_>,
    templates: &[&Template],
    bindings: &Bindings<'_>,
) -> Granted {
    let json = serde_json::to_value(response).unwrap_or_default();
    let seconds = |name: &str| json.get(name).and_then(Value::as_u64).unwrap_or_default();
    Granted {
        issuer: issuer.id.to_string(),
        principal: response.principal().as_str().to_owned(),
        client_id: bindings.client_id().map(str::to_owned),
        client_ids: client_ids(issuer, claims),
        disconnect_after: seconds("disconnectAfterInSeconds"),
        refresh_after: seconds("refreshAfterInSeconds"),
        documents: parsed(response.documents()),
        policy_hash: log::policy_hash(response.documents().iter().map(|document| document.get())),
        pieces: templates.iter().flat_map(|template| pieces(template, bindings)).collect(),
    }
}

/// The resources of a template, each filled alone.
fn pieces(template: &Template, bindings: &Bindings<'_>) -> Vec<TemplatePiece> {
    let mut pieces = Vec::new();
    for (index, statement) in template.statements.iter().enumerate() {
        for (number, resource) in statement.resources.iter().enumerate() {
            let alone = Template {
                name: template.name.clone(),
                statements: vec![Statement { resources: vec![resource.clone()], ..statement.clone() }],
                used: template.used.clone(),
            };
            let documents = Policies::grant(&[&alone], bindings).map(Grant::into_documents);
            pieces.push(TemplatePiece {
                template: template.name.to_string(),
                statement: index,
                resource: number,
                documents: parsed(&documents.unwrap_or_default()),
            });
        }
    }
    pieces
}

fn parsed(documents: &[Box<RawValue>]) -> Vec<Value> {
    documents.iter().filter_map(|text| serde_json::from_str(text.get()).ok()).collect()
}

/// Sizes, and the resources that were skipped for lack of a value.
pub(super) fn rows(granted: &Granted) -> Vec<Row> {
    let count = granted.documents.len().to_string();
    let mut rows = vec![Row::check(true, "documents", count, format!("at most {MAX_DOCUMENTS}"))];
    for (number, document) in (1..).zip(&granted.documents) {
        let length = format!("{} characters", document.to_string().len());
        let expected = format!("at most {MAX_DOCUMENT_CHARACTERS}");
        rows.push(Row::check(true, format!("document {number}"), length, expected));
    }
    for piece in granted.pieces.iter().filter(|piece| piece.documents.is_empty()) {
        let TemplatePiece { template, statement, resource, .. } = piece;
        let actual = format!("Statement[{statement}].Resource[{resource}] is skipped: a value is absent");
        rows.push(Row { mark: Mark::Unmet, ..Row::note(format!("policies/{template}.json"), actual) });
    }
    rows
}
