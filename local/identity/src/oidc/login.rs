//! The login page. It needs no script.

use super::clients::PAGE;
use super::{ROOT, Realm};
use crate::example_users::ExampleUser;

/// Returns the page for a valid authorization request, given as its query, with the error of an earlier attempt.
pub(super) fn page(realm: &Realm, client_id: &str, query: &str, error: Option<&str>) -> String {
    let settings = realm.issuer.settings();
    let action = escape(&format!("{ROOT}{}/login", settings.id));
    let request = format!("<input type=\"hidden\" name=\"request\" value=\"{}\">", escape(query));
    let alert = error.map(|error| format!("<p class=\"fault\" role=\"alert\">{}</p>", escape(error)));
    let is_denied = |user: &&ExampleUser| user.decision.as_ref().is_some_and(|decision| !decision.is_allowed);
    let users: String = realm.users.iter().filter(|user| !is_denied(user)).map(button).collect();
    let denied: String = realm.users.iter().filter(is_denied).map(button).collect();
    let denied = match denied.as_str() {
        "" => String::new(),
        denied => format!("<h2>Denied on purpose</h2>\n<ul class=\"people\">\n{denied}</ul>\n"),
    };
    format!(
        "\
<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">
<meta name=\"color-scheme\" content=\"light dark\">
<title>Sign in · iot-jwt-authorizer · local gateway</title>
<link rel=\"icon\" href=\"/favicon.svg\" type=\"image/svg+xml\">
<link rel=\"stylesheet\" href=\"/style.css\">
<body class=\"login\">
<main>
<h1>Sign in</h1>
<p>Local test identity provider that stands in for <code>{issuer}</code>. There are no passwords. Choose who to sign in
as: {app} gets that user's token.</p>
{alert}
<form method=\"post\" action=\"{action}\">
{request}
<ul class=\"people\">
{users}</ul>
{denied}</form>
<details{open}>
<summary>Another user</summary>
<form method=\"post\" action=\"{action}\">
{request}
<label for=\"sub\">Subject <code>sub</code></label>
<input id=\"sub\" name=\"sub\" required maxlength=\"128\" autocomplete=\"off\" spellcheck=\"false\">
<label for=\"claims\">Further claims, a JSON object</label>
<textarea id=\"claims\" name=\"claims\" rows=\"4\" spellcheck=\"false\">{{&quot;tenant&quot;: &quot;acme&quot;}}</textarea>
<button class=\"primary\">Sign in</button>
</form>
</details>
</main>
</body>
</html>
",
        issuer = escape(&settings.issuer),
        app = if client_id == PAGE { "the gateway's page" } else { "your app" },
        alert = alert.as_deref().unwrap_or_default(),
        open = if alert.is_some() { " open" } else { "" },
    )
}

/// A user's button: name, policy and claims, and the code of a denied user.
fn button(user: &ExampleUser) -> String {
    let code = user.decision.as_ref().and_then(|decision| decision.code.as_deref());
    let parts = [user.grant.as_deref(), Some(user.description.as_str()), code];
    let parts: Vec<_> = parts.into_iter().flatten().map(escape).collect();
    let (name, text) = (escape(&user.name), parts.join(" · "));
    format!(
        "<li><button name=\"user\" value=\"{name}\"><strong>{name}</strong> <span>{text}</span></button></li>\n"
    )
}

/// Escapes a text for use as HTML content or as an attribute value.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(character),
        }
    }
    escaped
}
