//! Providers whose issuer is discovered.

use toml_edit::DocumentMut;

use super::*;
use crate::init::commit::Source;
use crate::init::contents::{self, Values};
use crate::init::workflow::Origin;

const ID: &str = "5f1e2d3c-4b5a-4968-8776-655443322110";

/// Providers whose issuer only the discovery document has: flag and value, the address that is read, an issuer that
/// such a document has, and the `keys` and `require` that follow.
#[test]
fn providers_that_need_discovery() {
    let external = format!("https://{ID}.ciamlogin.com/{ID}/v2.0");
    let b2c = format!("https://acme.b2clogin.com/{ID}/v2.0/");
    let entra = format!("https://login.microsoftonline.com/{ID}/v2.0");
    let acme_external = "https://acme.ciamlogin.com/acme.onmicrosoft.com/v2.0";
    let external_keys = format!("jwks:https://acme.ciamlogin.com/{ID}/discovery/v2.0/keys");
    let b2c_keys = "jwks:https://acme.b2clogin.com/acme.onmicrosoft.com/B2C_1_Up/discovery/v2.0/keys";
    for (flag, value, authority, issuer, keys, require) in [
        ("entra", "Acme.com", "https://login.microsoftonline.com/acme.com/v2.0", &entra, "oidc", ("tid", ID)),
        ("external", "Acme", acme_external, &external, &external_keys, ("tid", ID)),
        ("external", "acme.ciamlogin.com", acme_external, &external, &external_keys, ("tid", ID)),
        ("external", "acme.onmicrosoft.com", acme_external, &external, &external_keys, ("tid", ID)),
        (
            "external",
            "acme.b2clogin.com/B2C_1_Up",
            "https://acme.b2clogin.com/acme.onmicrosoft.com/B2C_1_Up/v2.0",
            &b2c,
            b2c_keys,
            ("tfp", "B2C_1_Up"),
        ),
    ] {
        let value = Some(value.to_owned());
        let args = match flag {
            "entra" => ProviderArgs { entra: value, ..ProviderArgs::default() },
            _ => ProviderArgs { entra_external: value, ..ProviderArgs::default() },
        };
        let provider = args.provider().unwrap();
        assert_eq!((provider.issuer(), provider.authority().as_str()), (None, authority));
        let document = configuration(&provider, issuer);
        let written = &document["issuer"][0];
        assert_eq!(written["issuer"].as_str(), Some(issuer.as_str()), "{document}");
        assert_eq!(written["keys"][0].as_str(), Some(keys), "{document}");
        assert_eq!(written["require"][require.0].as_str(), Some(require.1), "{document}");
    }
}

/// `authorizer.toml` for a discovered issuer.
fn configuration(provider: &Provider, issuer: &str) -> DocumentMut {
    let values = Values {
        issuer: Some(issuer.to_owned()),
        audience: Some("api".to_owned()),
        client: None,
        algorithms: vec!["RS256"],
        more: provider.replacements(issuer, Some("api")),
        origin: Origin::Commit(Source { repository: String::new(), commit: String::new() }),
    };
    let files = contents::files(provider.recipe(), &values).unwrap();
    let text = &files.first().unwrap().text;
    assert!(!text.contains("33333333") && !text.contains("11111111"), "{text}");
    assert!(!text.contains("contoso"), "{text}");
    text.parse().unwrap()
}

#[test]
fn discovery_of_the_others_begins_at_the_issuer() {
    for (provider, authority) in [
        (Provider::Auth0 { host: "acme.eu.auth0.com".to_owned() }, "https://acme.eu.auth0.com"),
        (Provider::Oidc { url: "https://login.acme.test/a/".to_owned() }, "https://login.acme.test/a"),
        (Provider::Firebase { project: "acme-1".to_owned() }, "https://securetoken.google.com/acme-1"),
    ] {
        assert_eq!(provider.authority(), authority);
    }
}
