//! The login page. It needs no script.

use super::clients::PAGE;
use super::{ROOT, Realm};

/// Returns the page for a valid authorization request, given as its query, with the error of an earlier attempt.
pub(super) fn page(realm: &Realm, client_id: &str, query: &str, error: Option<&str>) -> String {
    let settings = realm.issuer.settings();
    let action = escape(&format!("{ROOT}{}/login", settings.id));
    let request = format!("<input type=\"hidden\" name=\"request\" value=\"{}\">", escape(query));
    let alert = error.map(|error| format!("<p class=\"fault\" role=\"alert\">{}</p>", escape(error)));
    let users: String = realm
        .users
        .iter()
        .map(|user| {
            let (sub, description) = (escape(&user.sub), escape(&user.description));
            format!(
                "<li><button name=\"user\" value=\"{sub}\"><strong>{sub}</strong> <span>{description}</span></button></li>\n"
            )
        })
        .collect();
    format!(
        "\
<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">
<meta name=\"color-scheme\" content=\"light dark\">
<title>Log in · iot-local</title>
<link rel=\"icon\" href=\"/favicon.svg\" type=\"image/svg+xml\">
<link rel=\"stylesheet\" href=\"/style.css\">
<body class=\"login\">
<main>
<h1>Log in</h1>
<p>This is the development issuer for <code>{issuer}</code>. It signs with keys of this machine and has no passwords.
{app} gets a token for the user that you choose.</p>
{alert}
<form method=\"post\" action=\"{action}\">
{request}
<ul class=\"people\">
{users}</ul>
</form>
<details{open}>
<summary>Another user</summary>
<form method=\"post\" action=\"{action}\">
{request}
<label for=\"sub\">Subject <code>sub</code></label>
<input id=\"sub\" name=\"sub\" required maxlength=\"128\" autocomplete=\"off\" spellcheck=\"false\">
<label for=\"claims\">Further claims, a JSON object</label>
<textarea id=\"claims\" name=\"claims\" rows=\"4\" spellcheck=\"false\">{{&quot;tenant&quot;: &quot;acme&quot;}}</textarea>
<button class=\"primary\">Log in</button>
</form>
</details>
</main>
</body>
</html>
",
        issuer = escape(&settings.issuer),
        app = if client_id == PAGE { "The gateway's page" } else { "Your app" },
        alert = alert.as_deref().unwrap_or_default(),
        open = if alert.is_some() { " open" } else { "" },
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
