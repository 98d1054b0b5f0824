//! The configured issuers as login providers of the identity pool.
//! <https://docs.aws.amazon.com/cognito/latest/developerguide/open-id.html>

use std::time::SystemTime;

use iot_local_cloud::identity_pool::{Login, LoginDenial, LoginProvider};
use iot_local_identity::issuer::{DevelopmentIssuer, InvalidIdToken};

/// An issuer of the configuration, with its development keys.
pub struct IssuerLogin {
    name: String,
    issuer: DevelopmentIssuer,
    client_ids: Vec<String>,
}

impl IssuerLogin {
    /// Creates the provider of an issuer. Its tokens must be for one of the client ids.
    #[must_use]
    pub fn new(issuer: DevelopmentIssuer, client_ids: Vec<String>) -> Self {
        Self { name: provider_name(&issuer.settings().issuer).to_owned(), issuer, client_ids }
    }
}

/// Returns the key of an issuer in `Logins`: without its scheme.
#[must_use]
pub fn provider_name(issuer: &str) -> &str {
    issuer.split_once("://").map_or(issuer, |(_, name)| name)
}

impl LoginProvider for IssuerLogin {
    fn name(&self) -> &str {
        &self.name
    }

    fn verify(&self, token: &str, now: SystemTime) -> Result<Login, LoginDenial> {
        let verified = self.issuer.verify_id_token(token, &self.client_ids, now);
        let verified = verified
            .map_err(|denial| LoginDenial { message: message(&denial), reason: denial.to_string() })?;
        Ok(Login { sub: verified.sub, claims: verified.claims })
    }
}

/// Returns AWS's text, as far as it is known.
fn message(denial: &InvalidIdToken) -> String {
    match denial {
        InvalidIdToken::Issuer => "Invalid login token. Issuer doesn't match providerName".to_owned(),
        InvalidIdToken::Expired { expires, now } => {
            format!("Invalid login token. Token expired: {now} >= {expires}")
        }
        InvalidIdToken::Audience => {
            "Token is not from a supported provider of this identity pool.".to_owned()
        }
        InvalidIdToken::Key | InvalidIdToken::Signature => {
            "Invalid login token. Token signature invalid.".to_owned()
        }
        InvalidIdToken::Malformed
        | InvalidIdToken::Algorithm(_)
        | InvalidIdToken::NotAnIdToken
        | InvalidIdToken::NotYetValid
        | InvalidIdToken::Subject => {
            "Invalid login token. Not a valid OpenId Connect identity token.".to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_the_issuer_without_its_scheme() {
        for (issuer, expected) in [
            ("https://login.example.com/", "login.example.com/"),
            (
                "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_X",
                "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_X",
            ),
            ("http://127.0.0.1:8080/oidc/users", "127.0.0.1:8080/oidc/users"),
            ("users", "users"),
        ] {
            assert_eq!(provider_name(issuer), expected);
        }
    }
}
