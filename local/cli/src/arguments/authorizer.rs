//! The arguments for the definition of the authorizer.

use std::path::PathBuf;

use clap::Args;
use iot_local_base::names::is_name;
use iot_local_gateway::selection::{AuthorizerDefinition, SigningKey};
use thiserror::Error;

/// The definition of the authorizer.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Authorizer")]
pub struct AuthorizerArgs {
    /// Name of the authorizer [default: iot-jwt-authorizer]
    ///
    /// Clients that name another authorizer are denied.
    #[arg(long = "authorizer", value_name = "NAME", value_parser = authorizer_name, hide_short_help = true)]
    pub name: Option<String>,
    /// Deny clients that name no authorizer
    ///
    /// AWS IoT does so in an account or domain without a default authorizer.
    #[arg(long, hide_short_help = true)]
    pub no_default_authorizer: bool,
    /// Name of the header, query parameter or user-name parameter with the token [default: token]
    #[arg(long, value_name = "NAME", value_parser = token_key, hide_short_help = true)]
    pub token_key: Option<String>,
    /// Set no token key, so that the event has no token
    #[arg(long, conflicts_with_all = ["token_key", "signing_key"], hide_short_help = true)]
    pub no_token_key: bool,
    /// Enable token signing with the public RSA key of this PEM file; may be repeated
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub signing_key: Vec<PathBuf>,
    /// Cache responses for HTTPS publishes (enableCachingForHttp)
    ///
    /// A response counts for all publishes of a connection until its refresh is due.
    #[arg(long, hide_short_help = true)]
    pub cache_http: bool,
}

/// An invalid signing key.
#[derive(Debug, Error)]
#[error("--signing-key {}: {what}", path.display())]
pub struct SigningKeyError {
    path: PathBuf,
    what: String,
}

impl AuthorizerArgs {
    /// Returns the definition, with the defaults of AWS IoT.
    ///
    /// # Errors
    /// A signing key cannot be read.
    pub fn authorizer(&self) -> Result<AuthorizerDefinition, SigningKeyError> {
        let default = AuthorizerDefinition::default();
        let key = |path: &PathBuf| {
            let failed = |what: String| SigningKeyError { path: path.clone(), what };
            let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
            SigningKey::from_pem(&text).map_err(|error| failed(error.to_string()))
        };
        Ok(AuthorizerDefinition {
            name: self.name.clone().unwrap_or(default.name),
            is_default: !self.no_default_authorizer,
            token_key: self.token_key.clone().or(default.token_key).filter(|_| !self.no_token_key),
            signing_keys: self.signing_key.iter().map(key).collect::<Result<_, _>>()?,
            caching_for_http: self.cache_http,
        })
    }
}

fn authorizer_name(text: &str) -> Result<String, &'static str> {
    name(text, "=,@-_", "expected 1 to 128 letters, digits and `= , @ - _`")
}

fn token_key(text: &str) -> Result<String, &'static str> {
    name(text, "-_", "expected 1 to 128 letters, digits, `-` and `_`")
}

fn name(text: &str, extra: &str, expected: &'static str) -> Result<String, &'static str> {
    if is_name(text, extra, 1..=128) { Ok(text.to_owned()) } else { Err(expected) }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{KeyPair, RsaKeyPair};

    use super::*;

    fn public_pem() -> String {
        let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let der: PublicKeyX509Der<'_> = key.public_key().as_der().unwrap();
        pem::encode(&pem::Pem::new("PUBLIC KEY", der.as_ref()))
    }

    #[test]
    fn the_arguments_define_an_authorizer_that_aws_iot_accepts() {
        use clap::Parser;
        #[derive(Parser)]
        struct Line {
            #[command(flatten)]
            args: AuthorizerArgs,
        }
        let parse = |line: &[&str]| Line::try_parse_from(["serve"].iter().chain(line)).map(|line| line.args);
        let defined = |line: &[&str]| parse(line).unwrap().authorizer().unwrap();
        let default = defined(&[]);
        assert_eq!((default.name.as_str(), default.is_default), ("iot-jwt-authorizer", true));
        assert_eq!((default.token_key.as_deref(), default.caching_for_http), (Some("token"), false));
        assert!(default.signing_keys.is_empty());
        let custom = defined(&["--authorizer", "a=b,c@d-e_f", "--no-default-authorizer", "--cache-http"]);
        assert_eq!(
            (custom.name.as_str(), custom.is_default, custom.caching_for_http),
            ("a=b,c@d-e_f", false, true)
        );
        assert_eq!(defined(&["--token-key", "jwt"]).token_key.as_deref(), Some("jwt"));
        assert_eq!(defined(&["--no-token-key"]).token_key, None);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        std::fs::write(&path, public_pem()).unwrap();
        let path = path.to_str().unwrap();
        assert_eq!(defined(&["--signing-key", path, "--signing-key", path]).signing_keys.len(), 2);
        let long = "n".repeat(129);
        for line in [
            &["--authorizer", ""][..],
            &["--authorizer", "a b"],
            &["--authorizer", "a/b"],
            &["--authorizer", &long],
            &["--token-key", "a=b"],
            &["--token-key", ""],
            &["--no-token-key", "--token-key", "a"],
            &["--no-token-key", "--signing-key", path],
        ] {
            assert!(parse(line).is_err(), "{line:?}");
        }
        for (file, expected) in [("nothing.pem", "No such file"), ("key.txt", "not PEM")] {
            let path = folder.path().join(file);
            if file.ends_with("txt") {
                std::fs::write(&path, "text").unwrap();
            }
            let args = parse(&["--signing-key", path.to_str().unwrap()]).unwrap();
            let error = args.authorizer().unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains("--signing-key"), "{error}");
        }
    }
}
