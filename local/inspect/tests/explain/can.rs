//! Whether a token allows an action, and which line of a policy decides.

use iot_jwt_authorizer::log::policy_hash;
use iot_local_inspect::explain::Trace;
use iot_local_inspect::permission::{self, PermissionOutcome};
use iot_local_policy::{Action, NamedResource};
use serde_json::json;

use super::own::{self, FUNCTION, connect, deployment, now, token};

/// Action, resource, whether it is allowed, and the line that decides; none if no statement allows it.
const CASES: [(&str, &str, bool, Option<&str>); 15] = [
    ("iot:Connect", "client/ana", true, Some("policies/user.json:4")),
    ("publish", "topic/acme/ana/a/b", true, Some("policies/user.json:9")),
    ("iot:Publish", "topic/acme/areas/north", true, Some("policies/user.json:10")),
    ("iot:Receive", "topic/acme/areas/south", true, Some("policies/user.json:10")),
    ("iot:Receive", "topic/acme/anything", true, Some("policies/operator.json:4")),
    ("iot:Receive", "topic/acme/private/a", false, Some("policies/operator.json:5")),
    ("iot:Connect", "client/ben", false, None),
    ("iot:Publish", "topic/acme/ben/a", false, None),
    ("iot:Publish", "topic/acme/ana", false, None),
    ("iot:Publish", "topic/acme/areas/east", false, None),
    ("iot:Publish", "topic/globex/ana/a", false, None),
    ("iot:RetainPublish", "topic/acme/ana/a", false, None),
    ("iot:Receive", "topic/globex/anything", false, None),
    ("iot:Subscribe", "topicfilter/acme/ana/a", false, None),
    ("iot:GetThingShadow", "thing/ana", false, None),
];

#[test]
fn permissions_and_the_lines_that_decide() {
    let deployment = deployment();
    let claims = json!({ "role": "operator", "site": { "areas": ["north", "south"] } });
    let event = connect(&token(&json!({}), &claims), "ana").to_string();
    let explanation = Trace::new(&deployment.config.authorizer, event.as_bytes(), FUNCTION, now()).explain();
    let folder = own::folder().join("deployment");
    for (action, resource, allowed, place) in CASES {
        let parsed: Action = action.parse().unwrap();
        let named = NamedResource::parse(parsed, resource).unwrap();
        let outcome = permission::evaluate(&explanation.outcome, parsed, named, FUNCTION).unwrap();
        let PermissionOutcome::Decided { source, .. } = &outcome else { panic!("{explanation}") };
        assert_eq!(outcome.is_allowed(), allowed, "{action} {resource}");
        let found = source.as_ref().map(|source| source.place(&folder));
        assert_eq!(found.as_deref(), place, "{action} {resource}");
    }
}

/// The hash in the explanation is that of the function's log, and its name does not claim SHA-256.
#[test]
fn the_policy_hash_is_that_of_the_log() {
    let deployment = deployment();
    let event = connect(&token(&json!({}), &json!({})), "ana").to_string();
    let authorizer = &deployment.config.authorizer;
    let json = Trace::new(authorizer, event.as_bytes(), FUNCTION, now()).explain().to_json();
    let response = authorizer.authorize(event.as_bytes(), FUNCTION, now().into()).outcome.unwrap();
    let hash = policy_hash(response.documents().iter().map(|document| document.get()));
    assert_eq!(json["policyHash"], hash);
    assert_eq!(json.get("policySha256"), None);
}
