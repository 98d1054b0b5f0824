//! The files of the page. They are part of the program, so the page needs no internet and no installation.

use bytes::Bytes;
use hyper::{Response, StatusCode};

use super::{Body, with_type};

/// A file of the page.
pub(super) struct Asset {
    path: &'static str,
    content_type: &'static str,
    content: &'static [u8],
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";
const TEXT: &str = "text/plain; charset=utf-8";

macro_rules! asset {
    ($path:literal, $file:literal, $content_type:expr) => {
        Asset {
            path: $path,
            content_type: $content_type,
            content: include_bytes!(concat!("../../page/", $file)),
        }
    };
}

/// A page of the documentation, to which the cards of the patterns link. Browsers show it as text.
macro_rules! document {
    ($file:literal) => {
        Asset {
            path: concat!("/docs/", $file),
            content_type: TEXT,
            content: include_bytes!(concat!("../../../../docs/", $file)),
        }
    };
}

const ASSETS: [Asset; 38] = [
    asset!("/", "index.html", HTML),
    asset!("/issuer.html", "issuer.html", HTML),
    asset!("/patterns", "patterns.html", HTML),
    asset!("/registry", "registry.html", HTML),
    asset!("/style.css", "style.css", CSS),
    asset!("/log.css", "log.css", CSS),
    asset!("/patterns.css", "patterns.css", CSS),
    asset!("/favicon.svg", "favicon.svg", SVG),
    asset!("/main.js", "main.js", SCRIPT),
    asset!("/actions.js", "actions.js", SCRIPT),
    asset!("/cards.js", "cards.js", SCRIPT),
    asset!("/client.js", "client.js", SCRIPT),
    asset!("/cognito.js", "cognito.js", SCRIPT),
    asset!("/dom.js", "dom.js", SCRIPT),
    asset!("/entries.js", "entries.js", SCRIPT),
    asset!("/issuer.js", "issuer.js", SCRIPT),
    asset!("/issuer_form.js", "issuer_form.js", SCRIPT),
    asset!("/log.js", "log.js", SCRIPT),
    asset!("/notice.js", "notice.js", SCRIPT),
    asset!("/oidc.js", "oidc.js", SCRIPT),
    asset!("/patterns.js", "patterns.js", SCRIPT),
    asset!("/policy.js", "policy.js", SCRIPT),
    asset!("/registry.js", "registry.js", SCRIPT),
    asset!("/run.js", "run.js", SCRIPT),
    asset!("/session.js", "session.js", SCRIPT),
    asset!("/sigv4.js", "sigv4.js", SCRIPT),
    asset!("/snippets.js", "snippets.js", SCRIPT),
    asset!("/steps.js", "steps.js", SCRIPT),
    asset!("/token.js", "token.js", SCRIPT),
    asset!("/users.js", "users.js", SCRIPT),
    asset!("/ways.js", "ways.js", SCRIPT),
    asset!("/vendor/mqtt.esm.js", "vendor/mqtt.esm.js", SCRIPT),
    document!("cognito.md"),
    document!("devices.md"),
    document!("jitp.md"),
    document!("patterns.md"),
    document!("provision.md"),
    document!("regions.md"),
];

/// Finds the file for a path.
pub(super) fn find(path: &str) -> Option<&'static Asset> {
    static FILES: [Asset; ASSETS.len()] = ASSETS;
    FILES.iter().find(|asset| asset.path == path)
}

impl Asset {
    pub(super) fn respond(&self) -> Response<Body> {
        with_type(StatusCode::OK, self.content_type, Bytes::from_static(self.content))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The Content-Security-Policy forbids inline code and requests to other sites.
    #[test]
    fn the_page_has_no_inline_code_no_markup_from_data_and_no_other_address() {
        let is_own = |asset: &&Asset| !asset.path.starts_with("/vendor/") && asset.content_type != TEXT;
        for asset in ASSETS.iter().filter(is_own) {
            let content = String::from_utf8(asset.content.to_vec()).unwrap();
            for forbidden in [
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
                " style=",
                "<style",
                " onclick",
                "https://",
                "@import",
            ] {
                assert!(!content.contains(forbidden), "{} has {forbidden}", asset.path);
            }
            assert!(!content.contains("<script>"), "{}", asset.path);
        }
    }
}
