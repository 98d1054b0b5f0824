//! The recipes of `docs/recipes/`, which are the contents of a new folder.

/// A recipe: a complete configuration for one issuer, with example values.
#[derive(Debug)]
pub(super) struct Recipe {
    /// Its folder in `docs/recipes/`.
    pub(super) name: &'static str,
    /// Whose tokens it accepts.
    pub(super) title: &'static str,
    /// `authorizer.toml`.
    pub(super) config: &'static str,
    /// Name, policy and cases of each policy that a new folder has.
    pub(super) policies: &'static [(&'static str, &'static str, &'static str)],
    /// Name and text of claims for `diff`.
    pub(super) claims: &'static [(&'static str, &'static str)],
    /// What the recipe has and a new folder has not, since its values are unknown.
    pub(super) omitted: Omitted,
    /// The example values that a new folder replaces.
    pub(super) example: Example,
}

/// Parts of a recipe that a new folder does not have.
#[derive(Debug, Default)]
pub(super) struct Omitted {
    /// Ids of issuers.
    pub(super) issuers: &'static [&'static str],
    /// Policies, with their grants.
    pub(super) policies: &'static [&'static str],
    /// Entries of `audience`.
    pub(super) audiences: &'static [&'static str],
}

/// The example values of a recipe, as they stand in its files.
#[derive(Debug, Default)]
pub(super) struct Example {
    /// `iss`.
    pub(super) issuer: &'static str,
    /// The audience, if `--audience` sets it.
    pub(super) audience: Option<&'static str>,
    /// What the audience is, for a line that is left to edit. `None` if the example is a name that a user may keep.
    pub(super) audience_hint: Option<&'static str>,
    /// Names of claims that are left to edit, and what to write instead.
    pub(super) names: &'static [(&'static str, &'static str)],
    /// The app's client id.
    pub(super) client: &'static str,
    /// How `--client` is used.
    pub(super) client_use: ClientUse,
}

/// What `--client` does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ClientUse {
    /// The recipe has no place for it.
    #[default]
    Unused,
    /// It replaces the example, and is left to edit if it is not given.
    Replaces,
    /// It becomes a condition on this claim in every grant.
    Condition(&'static str),
}

macro_rules! recipe_file {
    ($name:literal, $file:literal) => {
        include_str!(concat!("../../../../docs/recipes/", $name, "/", $file))
    };
}

macro_rules! recipe {
    ($name:literal, $title:literal, policies: [$($policy:literal),*], claims: [$($claims:literal),*],
     omitted: $omitted:expr, example: $example:expr) => {
        Recipe {
            name: $name,
            title: $title,
            config: recipe_file!($name, "authorizer.toml"),
            policies: &[$((
                $policy,
                include_str!(concat!("../../../../docs/recipes/", $name, "/policies/", $policy, ".json")),
                include_str!(concat!("../../../../docs/recipes/", $name, "/policies/", $policy, ".cases.json")),
            )),*],
            claims: &[$((
                $claims,
                include_str!(concat!("../../../../docs/recipes/", $name, "/claims/", $claims, ".json")),
            )),*],
            omitted: $omitted,
            example: $example,
        }
    };
}

/// The machines of most recipes have a client id of their own, which `init` does not know.
const MACHINES: &[&str] = &["machine"];

pub(super) const COGNITO: Recipe = recipe!(
    "cognito",
    "Amazon Cognito user pool, access tokens",
    policies: ["app-user", "operator"],
    claims: ["user", "operator"],
    omitted: Omitted { policies: MACHINES, audiences: &["2machine3456789abcdefghijk"], issuers: &[] },
    example: Example {
        issuer: "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Example01",
        names: &[],
        client: "1example23456789abcdefghij",
        client_use: ClientUse::Replaces,
        audience: None,
        audience_hint: None,
    }
);

pub(super) const AUTH0: Recipe = recipe!(
    "auth0",
    "Auth0, access tokens for an API of your own",
    policies: ["app-user", "operator", "machine"],
    claims: ["user", "operator", "machine"],
    omitted: Omitted { policies: &[], audiences: &[], issuers: &[] },
    example: Example {
        issuer: "https://example-tenant.eu.auth0.com/",
        names: &[("https://example.com/tenant", "the claim that your Action sets")],
        client: "SpaExampleClientId0000000000000001",
        client_use: ClientUse::Condition("azp"),
        audience: Some("https://iot.example.com/"),
        audience_hint: Some("the API's identifier"),
    }
);

pub(super) const OKTA: Recipe = recipe!(
    "okta",
    "Okta, access tokens of a custom authorization server",
    policies: ["app-user", "operator"],
    claims: ["user", "operator"],
    omitted: Omitted { policies: MACHINES, audiences: &[], issuers: &[] },
    example: Example {
        issuer: "https://example.okta.com/oauth2/default",
        names: &[],
        client: "0oaexampleapp00001",
        client_use: ClientUse::Condition("cid"),
        audience: Some("https://iot.example.com"),
        audience_hint: Some("the authorization server's audience"),
    }
);

pub(super) const ENTRA: Recipe = recipe!(
    "entra",
    "Microsoft Entra ID, access tokens (v2.0) for an API of your own",
    policies: ["app-user", "operator"],
    claims: ["user", "operator"],
    omitted: Omitted { policies: MACHINES, audiences: &[], issuers: &["fabrikam"] },
    example: Example {
        issuer: "https://login.microsoftonline.com/11111111-1111-4111-8111-111111111111/v2.0",
        names: &[],
        client: "bbbbbbbb-0000-4000-8000-000000000002",
        client_use: ClientUse::Condition("azp"),
        audience: Some("aaaaaaaa-0000-4000-8000-000000000001"),
        audience_hint: Some("the API's application (client) id"),
    }
);

pub(super) const ENTRA_EXTERNAL: Recipe = recipe!(
    "entra-external",
    "Microsoft Entra External ID, access tokens (v2.0) for an API of your own",
    policies: ["app-user", "operator"],
    claims: ["user", "operator"],
    omitted: Omitted { policies: &[], audiences: &[], issuers: &[] },
    example: Example {
        issuer: "https://33333333-3333-4333-8333-333333333333.ciamlogin.com/33333333-3333-4333-8333-333333333333/v2.0",
        names: &[],
        client: "bbbbbbbb-0000-4000-8000-000000000002",
        client_use: ClientUse::Condition("azp"),
        audience: Some("aaaaaaaa-0000-4000-8000-000000000001"),
        audience_hint: Some("the API's application (client) id"),
    }
);

pub(super) const B2C: Recipe = recipe!(
    "b2c",
    "Azure AD B2C, access tokens for an API of your own",
    policies: ["app-user"],
    claims: ["user"],
    omitted: Omitted { policies: &[], audiences: &[], issuers: &[] },
    example: Example {
        issuer: "https://contoso.b2clogin.com/33333333-3333-4333-8333-333333333333/v2.0/",
        names: &[],
        client: "bbbbbbbb-0000-4000-8000-000000000002",
        client_use: ClientUse::Condition("azp"),
        audience: Some("aaaaaaaa-0000-4000-8000-000000000001"),
        audience_hint: Some("the API's application (client) id"),
    }
);

pub(super) const FIREBASE: Recipe = recipe!(
    "firebase",
    "Firebase Authentication, ID tokens",
    policies: ["app-user", "operator"],
    claims: ["user", "operator"],
    omitted: Omitted { policies: &[], audiences: &[], issuers: &[] },
    example: Example {
        issuer: "https://securetoken.google.com/example-iot",
        names: &[],
        client: "",
        client_use: ClientUse::Unused,
        audience: None,
        audience_hint: None,
    }
);

pub(super) const KEYCLOAK: Recipe = recipe!(
    "keycloak",
    "Keycloak, access tokens of a realm",
    policies: ["app-user", "operator", "machine"],
    claims: ["user", "operator", "machine"],
    omitted: Omitted { policies: &[], audiences: &[], issuers: &[] },
    example: Example {
        issuer: "https://sso.example.com/realms/iot",
        names: &[],
        client: "iot-app",
        client_use: ClientUse::Condition("azp"),
        audience: Some("iot-core"),
        audience_hint: None,
    }
);

pub(super) const OIDC: Recipe = recipe!(
    "oidc",
    "An OpenID Connect issuer, access tokens for your API",
    policies: ["app-user"],
    claims: ["user"],
    omitted: Omitted { policies: &[], audiences: &[], issuers: &[] },
    example: Example {
        issuer: "https://login.example.com",
        names: &[],
        client: "",
        client_use: ClientUse::Unused,
        audience: Some("https://iot.example.com"),
        audience_hint: Some("`aud` of the access tokens for your API"),
    }
);
