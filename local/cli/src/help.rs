//! The examples and pages at the end of each command's `--help`.

pub(crate) const TOP: &str = "\
Examples:
  cargo local                                    start the local gateway
  cargo local demo                               see what the shipped example allows and denies
  cargo local demo kitting                       devices with certificates
  cargo local demo jitp                          devices that their first connect provisions
  cargo local token --sub alice --claim tenant=acme
  cargo local snippet mqttjs                     connect a client to the running gateway
  cargo local check --deny-warnings              check a configuration in CI

Documentation: README.md, docs/gateway.md, docs/configuration.md; docs/json.md for --json";

pub(crate) const SERVE: &str = "\
Examples:
  cargo local --config app/authorizer.toml
  cargo local --port 0 --tls-port 0 --mqtts-port 0
                                                 free ports
  cargo local --keep-keys                        tokens of your real issuer
  cargo local --time-scale 300                   five minutes last one second

Documentation: docs/gateway.md, docs/clients.md, docs/login.md";

pub(crate) const DEMO: &str = "\
Examples:
  cargo local demo
  cargo local demo kitting                       devices with certificates
  cargo local demo bootstrap                     devices that ask for certificates
  cargo local demo jitp                          devices that their first connect provisions
  cargo local demo regions                       two Regions, of which one is killed
  cargo local demo all

Each demo has its own temporary folder and free ports.

Documentation: README.md, docs/patterns.md, docs/devices.md, docs/regions.md";

pub(crate) const TOKEN: &str = "\
Examples:
  cargo local token --sub alice --claim tenant=acme
  cargo local token --sub olga --claim role=operator --claim 'devices:=[\"lamp\"]'

Documentation: docs/login.md";

pub(crate) const SNIPPET: &str = "\
Examples:
  cargo local snippet mqttjs
  cargo local snippet curl | sh
  cargo local snippet mosquitto --tls-port 9443

Documentation: docs/connect.md, which has the same snippets for AWS IoT";

pub(crate) const INVOKE: &str = "\
Examples:
  cargo local invoke --mqtt-context \"clientId=alice,password=$TOKEN\"
  cargo local invoke --token \"$TOKEN\" --pretty

Documentation: docs/gateway.md";

pub(crate) const CHECK: &str = "\
Examples:
  cargo local check
  cargo local check --config app/authorizer.toml --deny-warnings

Documentation: docs/check.md, docs/configuration.md, docs/provision.md";

pub(crate) const SCHEMA: &str = "\
Examples:
  cargo local schema > authorizer.schema.json
  cargo local schema cases

Documentation: docs/schema.md";

pub(crate) const EXPLAIN: &str = "\
Examples:
  cargo local explain --token \"$TOKEN\" --fetch
  cargo local explain --claims alice.json --verbose
  cargo local explain --event event.json

Documentation: docs/explain.md, docs/codes.md";

pub(crate) const CAN: &str = "\
Examples:
  cargo local can --claims alice.json iot:Publish topic/acme/users/alice/hello
  cargo local can --token - iot:Connect client/alice < token.txt
  cargo local can --certificate ID iot:Publish topic/devices/sensor-1/temperature

Exit code: 0 if allowed, 1 if denied, 2 on an error such as a resource that the action does not take.

Documentation: docs/explain.md, docs/devices.md";

pub(crate) const DIFF: &str = "\
Examples:
  cargo local diff old/authorizer.toml authorizer.toml --claims subjects

Exit code: 0 if every gain is accepted, 1 if not, 2 on an error.

Documentation: docs/explain.md";

pub(crate) const KEYS: &str = "\
Examples:
  cargo local keys fetch users --out keys/users.jwks.json
  cargo local keys show --fetch

Documentation: docs/keys.md, docs/rotation.md";

pub(crate) const REVOKE: &str = "\
Examples:
  cargo local revoke --sub alice
  cargo local revoke --issuer users --sub alice --issued-before now
                                                 log out everywhere; tokens of a new login are allowed
  cargo local revoke --jti 5f2c --sha256
  cargo local revoke --list revoked.json --kid 2026-01

Documentation: docs/revocation.md";

pub(crate) const UNREVOKE: &str = "\
Examples:
  cargo local unrevoke --sub alice               also her time of --issued-before

Documentation: docs/revocation.md";

pub(crate) const REVOKED: &str = "\
Examples:
  cargo local revoked
  cargo local revoked --list revoked.json --json

Documentation: docs/revocation.md, docs/json.md";

pub(crate) const PACKAGE: &str = "\
Examples:
  cargo local package
  cargo local package --arch arm64 --config app/authorizer.toml
  cargo local package --provision                the provisioning functions
  cargo local package --bootstrap 0.2.0          the function of a release, without a compiler

Documentation: docs/package.md, docs/install.md, docs/deploy.md, docs/deploy-provision.md";

pub(crate) const CERTIFICATE: &str = "\
Examples:
  cargo local certificate device-1
  cargo local certificate device-1 --endpoint http://127.0.0.1:8080

Documentation: docs/devices.md, docs/gateway.md";

// clap would print `{n}` as a line break. The escape code resets the style, and is no part of text without colours.
pub(crate) const KIT: &str = "\
Examples:
  cargo local kit --count 100 --name 'dev-${\u{1b}[0mn}' --out kit
  cargo local kit --list devices.csv --policy device
  cargo local kit --results results.json --out kit

Documentation: docs/devices.md";

pub(crate) const STORM: &str = "\
Examples:
  cargo local storm --devices 1000000 --spread 600
  cargo local storm --devices 200000 --keys oidc --key-requests-per-second 200 --plot storm.svg
  cargo local storm --devices 100000 --failover 90           the first of two Regions is lost
  cargo local storm --devices 20000 --with first-connect     just-in-time provisioning
  cargo local storm --devices 2000 --connects-per-second 50 --spread 10 --back-off-max 30 --rehearse
                                                             with real clients, on this machine

Documentation: docs/storm.md, docs/scaling.md, docs/json.md";

pub(crate) const HEALTH: &str = "\
Examples:
  cargo local health
  cargo local health --endpoint http://127.0.0.1:8081

Exits with 1 if nothing answers within 10 seconds, or something else than a gateway.

Documentation: docs/container.md";

pub(crate) const COMPLETIONS: &str = "\
Examples:
  cargo local completions bash > ~/.local/share/bash-completion/completions/cargo-local
  cargo local completions zsh > ~/.zfunc/_cargo-local

The script completes the program `cargo-local`, which `cargo install --path local/cli` installs.";
