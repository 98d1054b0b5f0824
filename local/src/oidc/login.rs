//! The login page. It needs no script.

use super::clients::PAGE;
use super::{ROOT, Realm};

/// The page for a request, `query`, that has been found sound.
pub(super) fn page(realm: &Realm, client: &str, query: &str, fault: Option<&str>) -> String {
    let settings = realm.issuer.settings();
    let action = escape(&format!("{ROOT}{}/login", settings.id));
    let request = format!("<input type=\"hidden\" name=\"request\" value=\"{}\">", escape(query));
    let fault = fault.map(|fault| format!("<p class=\"fault\" role=\"alert\">{}</p>", escape(fault)));
    let people: String = realm
        .people
        .iter()
        .map(|person| {
            let (sub, about) = (escape(&person.sub), escape(&person.about));
            format!("<li><button name=\"person\" value=\"{sub}\"><strong>{sub}</strong> <span>{about}</span></button></li>\n")
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
<p>This is the development issuer. It speaks for <code>{issuer}</code> with keys of this machine, and asks for no password.
{who} will get a token for whom you choose.</p>
{fault}
<form method=\"post\" action=\"{action}\">
{request}
<ul class=\"people\">
{people}</ul>
</form>
<details{open}>
<summary>Somebody else</summary>
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
        who = if client == PAGE { "The page of the front door" } else { "Your app" },
        fault = fault.as_deref().unwrap_or_default(),
        open = if fault.is_some() { " open" } else { "" },
    )
}

/// Text as it may stand between tags and between double quotes.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}
