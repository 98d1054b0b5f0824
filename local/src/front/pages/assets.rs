//! The files of the page, in the program itself: it works without internet, and from anywhere.

use bytes::Bytes;
use hyper::StatusCode;

use super::{Answer, with_type};

/// A file.
pub(super) struct Asset {
    path: &'static str,
    content_type: &'static str,
    content: &'static [u8],
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

macro_rules! asset {
    ($path:literal, $file:literal, $content_type:expr) => {
        Asset {
            path: $path,
            content_type: $content_type,
            content: include_bytes!(concat!("../../../page/", $file)),
        }
    };
}

const ASSETS: [Asset; 10] = [
    asset!("/", "index.html", HTML),
    asset!("/style.css", "style.css", CSS),
    asset!("/favicon.svg", "favicon.svg", SVG),
    asset!("/main.js", "main.js", SCRIPT),
    asset!("/dom.js", "dom.js", SCRIPT),
    asset!("/login.js", "login.js", SCRIPT),
    asset!("/policy.js", "policy.js", SCRIPT),
    asset!("/client.js", "client.js", SCRIPT),
    asset!("/log.js", "log.js", SCRIPT),
    asset!("/vendor/mqtt.esm.js", "vendor/mqtt.esm.js", SCRIPT),
];

pub(super) fn find(path: &str) -> Option<&'static Asset> {
    static KNOWN: [Asset; ASSETS.len()] = ASSETS;
    KNOWN.iter().find(|asset| asset.path == path)
}

impl Asset {
    pub(super) fn answer(&self) -> Answer {
        with_type(StatusCode::OK, self.content_type, Bytes::from_static(self.content))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the Content-Security-Policy would stop, found before a browser does; and nothing is asked of anybody else.
    #[test]
    fn the_page_has_no_inline_code_no_markup_from_data_and_no_foreign_address() {
        for asset in ASSETS.iter().filter(|asset| !asset.path.starts_with("/vendor/")) {
            let content = String::from_utf8(asset.content.to_vec()).unwrap();
            for never in [
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
                assert!(!content.contains(never), "{} has {never}", asset.path);
            }
            assert!(!content.contains("<script>"), "{}", asset.path);
        }
    }
}
