//! The environment of functions that call AWS IoT: where its APIs are here, and the operator's credentials.

use iot_local_cloud::credentials::KeyPair;
use iot_local_lambda::InvokeTarget;

/// The variables that name the endpoints of the APIs.
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html>
const ENDPOINTS: [&str; 2] = ["AWS_ENDPOINT_URL_IOT", "AWS_ENDPOINT_URL_IOT_DATA_PLANE"];

const KEY_ID: &str = "AWS_ACCESS_KEY_ID";
const SECRET: &str = "AWS_SECRET_ACCESS_KEY";
const SESSION_TOKEN: &str = "AWS_SESSION_TOKEN";

/// The Region, as Python's SDK reads it. Lambda sets it beside `AWS_REGION`, which every process gets.
const DEFAULT_REGION: &str = "AWS_DEFAULT_REGION";

/// Sets endpoints, Region and credentials in the environment of a function. What the user has set stays, except the
/// Region, which is that of the function's ARN. Returns a sentence if other credentials stay. An endpoint has its own
/// environment.
pub(crate) fn set(function: &mut InvokeTarget, port: u16, credentials: Option<&KeyPair>) -> Option<String> {
    let spec = function.spec_mut()?;
    for name in ENDPOINTS {
        if spec.env.get(name).is_none() {
            spec.env.set(name, format!("http://127.0.0.1:{port}"));
        }
    }
    let mut parts = spec.function_arn.split(':').skip(3);
    spec.env.set(DEFAULT_REGION, parts.next().unwrap_or_default());
    let KeyPair { access_key_id, secret_access_key } = credentials?;
    if let Some(key) = spec.env.get(KEY_ID) {
        let name = super::name_of(&spec.function_arn);
        return (key != access_key_id).then(|| {
            format!(
                "function {name} keeps {KEY_ID} of the environment, with which it cannot publish here; \
                 help: start without it, and the function gets the operator's credentials"
            )
        });
    }
    spec.env.set(KEY_ID, access_key_id);
    spec.env.set(SECRET, secret_access_key);
    // It belongs to other credentials.
    spec.env.remove(SESSION_TOKEN);
    None
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use iot_local_base::env::Env;
    use iot_local_lambda::LambdaSpec;

    use super::*;

    /// The environment of a function after it was set, and the sentence.
    fn after<const N: usize>(variables: [(&str, &str); N]) -> (Env, Option<String>) {
        let mut function = InvokeTarget::Processes(LambdaSpec {
            program: PathBuf::from("f"),
            args: Vec::new(),
            env: Env::from(variables),
            current_dir: PathBuf::from("/"),
            sandboxes: 1,
            function_arn: "arn:aws:lambda:eu-west-1:123456789012:function:f".to_owned(),
        });
        let credentials =
            KeyPair { access_key_id: "AKIA".to_owned(), secret_access_key: "s3cret".to_owned() };
        let note = set(&mut function, 8080, Some(&credentials));
        match function {
            InvokeTarget::Processes(spec) => (spec.env, note),
            InvokeTarget::Endpoint(_) | InvokeTarget::Lazy(_) => (Env::default(), note),
        }
    }

    #[test]
    fn what_the_user_has_set_stays() {
        let here = "http://127.0.0.1:8080";
        let [iot, data] = ENDPOINTS;
        let (env, note) = after([(DEFAULT_REGION, "us-west-2"), (SESSION_TOKEN, "t")]);
        let expected =
            [(iot, here), (data, here), (DEFAULT_REGION, "eu-west-1"), (KEY_ID, "AKIA"), (SECRET, "s3cret")];
        assert_eq!((env, note), (Env::from(expected), None));
        let (env, note) = after([(iot, "http://x"), (KEY_ID, "AKIA"), (SECRET, "own")]);
        let expected = [
            (iot, "http://x"),
            (data, here),
            (DEFAULT_REGION, "eu-west-1"),
            (KEY_ID, "AKIA"),
            (SECRET, "own"),
        ];
        assert_eq!((env, note), (Env::from(expected), None));
        let (env, note) = after([(KEY_ID, "OTHER"), (SECRET, "own"), (SESSION_TOKEN, "t")]);
        assert_eq!((env.get(KEY_ID), env.get(SECRET)), (Some("OTHER"), Some("own")));
        assert_eq!(env.get(SESSION_TOKEN), Some("t"));
        let note = note.unwrap_or_default();
        assert!(note.starts_with("function f keeps AWS_ACCESS_KEY_ID") && !note.contains("OTHER"), "{note}");
    }
}
