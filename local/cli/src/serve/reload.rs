//! Runs a changed configuration in place of the present one.

use std::path::{Path, PathBuf};

use iot_local_base::env_file;
use iot_local_gateway::RunningGateway;
use iot_local_gateway::event_log::EntryKind;

use super::watch::{POLL_INTERVAL, Watcher};
use super::{ServeOptions, control, identity_pool, provider_options};
use crate::launch;

/// Remembers the files as they are, to be called before the configuration is read.
///
/// # Errors
/// The working directory is unknown.
pub(super) fn watcher(options: &ServeOptions) -> std::io::Result<Watcher> {
    let (config, env_file) = (&options.function.config, options.function.env.as_deref());
    // If the --env file changes the name of a file, that file is watched from the next start on.
    let env = env_file::extended(&options.launch.env, env_file);
    let env = env.unwrap_or_else(|_| options.launch.env.clone());
    let absolute = |path: &Path| std::path::absolute(path);
    Ok(Watcher::new(&absolute(config)?, env_file.map(absolute).transpose()?.as_deref(), env))
}

/// Follows the files of a configuration, and reloads it after each change. Never returns.
pub(super) async fn follow(running: &RunningGateway, options: &ServeOptions, mut watcher: Watcher) {
    loop {
        tokio::time::sleep(POLL_INTERVAL).await;
        let files = watcher.poll(tokio::time::Instant::now());
        if !files.is_empty() {
            let kind = match reload(running, options).await {
                Ok(()) => EntryKind::Reloaded { files },
                Err(reason) => EntryKind::ReloadFailed { files, reason },
            };
            running.event_log.record(None, None, kind);
        }
    }
}

/// Checks and prepares the configuration, and starts its function before the present one ends.
///
/// # Errors
/// Why the configuration cannot be used. The present function then continues with the files that it has.
pub(super) async fn reload(running: &RunningGateway, options: &ServeOptions) -> Result<(), String> {
    let launched = launch::launch(&options.function, &options.launch).await;
    let (workspace, mut function) = launched.map_err(|error| error.to_string())?;
    let ports = [Some(running.port), running.tls_port].into_iter().flatten().collect::<Vec<_>>();
    control::adapt_function(&mut function, options, running.cloud.account(), &ports);
    let login = provider_options(options, &workspace).map_err(|error| error.to_string())?;
    let pool = identity_pool::identity_pool(options, &workspace, running.cloud.account());
    let pool = pool.map_err(|error| error.to_string())?;
    running.reload(function, login).await.map_err(|error| error.to_string())?;
    running.set_identity_pool(pool).await;
    Ok(())
}

/// Returns the options with the program that runs already, so that a reload does not build it again.
pub(super) fn with_program(options: &ServeOptions, program: Option<PathBuf>) -> ServeOptions {
    let mut options = options.clone();
    if options.function.function.is_none() {
        options.function.bootstrap = program;
    }
    options
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use iot_local_gateway::event_log::LogEntry;
    use iot_local_gateway::preview::PreviewRequest;
    use iot_local_identity::issuer::{DevelopmentIssuer, IssuerSettings, algorithm};
    use iot_local_policy::{Access, CognitoContext, Context};
    use tokio::sync::broadcast::Receiver;

    use super::*;
    use crate::serve::start;
    use crate::serve::tests::options;

    const CONFIG: &str = r#"
[[issuer]]
id         = "users"
issuer     = "https://login.example.com/"
audience   = ["iot.example.com"]
algorithms = ["ES256"]
keys       = ["file:keys/users.jwks.json"]
client_ids = ["${sub}"]

[claims]
sub = "sub"

[[grant]]
policy = "p"
"#;

    fn policy(topic: &str) -> String {
        format!(
            r#"{{ "Version": "2012-10-17", "Statement": [
                {{ "Effect": "Allow", "Action": "iot:Connect", "Resource": "client/${{mqtt:client_id}}" }},
                {{ "Effect": "Allow", "Action": "iot:Publish", "Resource": "topic/{topic}/${{sub}}" }}
            ] }}"#
        )
    }

    /// A folder with a configuration, and a function that reads the policy at its start, as the authorizer does.
    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let issuer = DevelopmentIssuer::ephemeral(IssuerSettings {
            id: "users".to_owned(),
            issuer: "https://login.example.com/".to_owned(),
            audience: vec!["iot.example.com".to_owned()],
            audience_claim: "aud".to_owned(),
            algorithms: vec![algorithm("ES256").unwrap()],
            typ: "JWT".to_owned(),
            max_lifetime: None,
        });
        write("keys/users.jwks.json", &issuer.unwrap().key_set().to_string());
        write("authorizer.toml", CONFIG);
        write("policies/p.json", &policy("before"));
        write("bootstrap", include_str!("../../tests/serve/bootstrap.py"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::Permissions::from_mode(0o700);
            std::fs::set_permissions(folder.path().join("bootstrap"), mode).unwrap();
        }
        folder
    }

    /// The topic that the function allows a client to publish on.
    async fn topic(running: &RunningGateway) -> String {
        let request =
            PreviewRequest { token: "t", client_id: "ana", names_authorizer: false, is_logged: false };
        let response = request.call(&running.authorizer).await.outcome.unwrap();
        let text = response.documents[0].to_string();
        text.split("topic/").nth(1).unwrap().split('/').next().unwrap().to_owned()
    }

    /// Waits for the next entry about a reload.
    async fn next(event_log: &mut Receiver<LogEntry>) -> EntryKind {
        let search = async {
            loop {
                let kind = event_log.recv().await.unwrap().kind;
                if matches!(kind, EntryKind::Reloaded { .. } | EntryKind::ReloadFailed { .. }) {
                    return kind;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(30), search).await.expect("an entry")
    }

    #[tokio::test]
    async fn a_change_is_reloaded_and_an_error_keeps_the_earlier_function() {
        let folder = folder();
        let options = options(folder.path());
        let watcher = watcher(&options).unwrap();
        let (running, _) = start(&options).await.unwrap();
        assert_eq!(topic(&running).await, "before");
        assert_eq!(running.allowed_user("users").unwrap().grant.as_deref(), Some("p"));
        let mut event_log = running.event_log.subscribe();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        let edits = async {
            let policy_file = vec!["policies/p.json".to_owned()];
            // An error keeps the earlier function, and is shown as `check` shows it.
            write("policies/p.json", "{ oops }");
            let EntryKind::ReloadFailed { files, reason } = next(&mut event_log).await else { panic!() };
            assert_eq!(files, policy_file);
            assert!(reason.starts_with("error: ") && reason.contains("policies/p.json:1:"), "{reason}");
            assert_eq!(topic(&running).await, "before");
            // A valid edit is reloaded.
            write("policies/p.json", &policy("after"));
            let EntryKind::Reloaded { files } = next(&mut event_log).await else { panic!() };
            assert_eq!((files, topic(&running).await), (policy_file, "after".to_owned()));
            // A function that does not start is not used either.
            write("policies/p.json", &policy("unstartable"));
            let EntryKind::ReloadFailed { reason, .. } = next(&mut event_log).await else { panic!() };
            assert!(reason.contains("the function exited before its first event"), "{reason}");
            assert_eq!(topic(&running).await, "after");
            // A role, in an invalid file and in a valid one.
            let role = include_str!("../../../../roles/app.json");
            std::fs::create_dir(folder.path().join("roles")).unwrap();
            write("roles/app.json", "{}");
            let EntryKind::ReloadFailed { files, reason } = next(&mut event_log).await else { panic!() };
            assert_eq!(files, ["roles/app.json"]);
            assert!(reason.contains("app.json: missing member trust"), "{reason}");
            write("policies/p.json", &policy("after"));
            write("roles/app.json", &role.replace("topic/apps/", "topic/other/"));
            assert!(matches!(next(&mut event_log).await, EntryKind::Reloaded { .. }));
            let pool = running.cloud.identity_pool().unwrap();
            let context = Context { cognito: Some(CognitoContext::default()), ..Context::default() };
            let resource = "arn:aws:iot:us-east-1:123456789012:topic/other//t";
            let access = Access { action: "iot:Publish", resource, context: &context };
            assert!(pool.roles["app"].decide(&access).allowed);
            // Another issuer id: tokens and example users follow.
            write("policies/p.json", &policy("after"));
            write("authorizer.toml", &CONFIG.replace("\"users\"", "\"people\""));
            assert!(matches!(next(&mut event_log).await, EntryKind::Reloaded { .. }));
            assert!(running.allowed_user("people").is_some() && running.allowed_user("users").is_none());
        };
        tokio::select! {
            () = follow(&running, &options, watcher) => {}
            () = edits => {}
        }
    }

    /// Starts a gateway after another one was dropped. The broker's tasks keep that one's registry open as long as the
    /// process runs, so each start has a Region of its own.
    async fn start_in(region: &str, options: &ServeOptions) -> RunningGateway {
        let mut options = options.clone();
        options.endpoint.region = Some(region.to_owned());
        start(&options).await.unwrap().0
    }

    /// A gateway that ends during a reload leaves files of both configurations. The next start replaces them.
    #[tokio::test]
    async fn an_interrupted_reload_leaves_a_usable_state_folder() {
        let folder = folder();
        let options = options(folder.path());
        let state = folder.path().join(".iot-local");
        for (number, delay) in [0, 5, 40].into_iter().enumerate() {
            let running = start_in(&format!("region-{number}a"), &options).await;
            let name = format!("topic{number}");
            std::fs::write(folder.path().join("policies/p.json"), policy(&name)).unwrap();
            let interrupted =
                tokio::time::timeout(Duration::from_millis(delay), reload(&running, &options)).await;
            drop((running, interrupted));
            // What a kill in the middle of a write leaves.
            std::fs::write(state.join("policies/p.json.1-ThreadId(1).draft"), "{ \"Ver").unwrap();
            std::fs::write(state.join("authorizer.toml.1-ThreadId(1).draft"), "[[iss").unwrap();
            let running = start_in(&format!("region-{number}b"), &options).await;
            assert_eq!(topic(&running).await, name);
        }
    }
}
