//! What a browser finds at the front door.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};

use super::text;

const HOME: &str = "\
This is iot-local: the AWS IoT Core front door on one's own machine.

  ws    /mqtt                     MQTT over WebSocket
  POST  /topics/TOPIC?qos=0|1     publish over HTTP

Every connection is decided by the authorizer and held to the policy that it answers with.
";

/// A page with a fixed content.
#[derive(Debug, Clone)]
pub struct Page {
    /// Its path, such as `/.well-known/openid-configuration`.
    pub path: String,
    /// Its media type.
    pub content_type: &'static str,
    /// Its content.
    pub body: Bytes,
}

pub(super) fn answer(path: &str, pages: &[Page]) -> Response<Full<Bytes>> {
    let Some(page) = pages.iter().find(|page| page.path == path) else {
        return if path == "/" {
            text(StatusCode::OK, HOME)
        } else {
            text(StatusCode::NOT_FOUND, "nothing here\n")
        };
    };
    let mut response = Response::new(Full::new(page.body.clone()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(page.content_type));
    response
}
