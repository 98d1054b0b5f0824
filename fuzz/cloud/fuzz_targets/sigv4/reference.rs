//! A second implementation of Signature Version 4, from AWS's page, with what is different for AWS IoT.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac::{self, HMAC_SHA256, Key};

#[derive(Clone)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub query: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Request {
    /// Reads a request from a text. A missing part is empty.
    pub fn read(text: &str) -> Self {
        let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
        let (line, headers) = head.split_once('\n').unwrap_or((head, ""));
        let (method, target) = line.split_once(' ').unwrap_or((line, ""));
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let headers = headers.split('\n').filter_map(|line| line.split_once(':'));
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            body: body.to_owned(),
        }
    }

    /// The values of a header, whose name is in lower case.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers
            .iter()
            .filter(move |(known, _)| known.to_ascii_lowercase() == name)
            .map(|(_, value)| value.as_str())
    }
}

/// What a signature says about itself.
pub struct Parameters {
    is_in_query: bool,
    pub access_key: String,
    pub day: String,
    pub region: String,
    pub service: String,
    pub date: String,
    /// The date in seconds since 1970.
    pub seconds: i64,
    pub expires: Option<i64>,
    pub signed_headers: Vec<String>,
    pub signature: String,
    pub session_token: Option<String>,
}

/// Returns the parameters of the one signature of a request, if they are complete.
pub fn parameters(request: &Request) -> Option<Parameters> {
    let pairs: Vec<(Vec<u8>, &str)> = request
        .query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decoded(name), value))
        .collect();
    // One value at most, if there is one at all.
    let query = |name: &str| -> Option<Option<String>> {
        let mut values =
            pairs.iter().filter(|(known, _)| known == name.as_bytes()).map(|(_, value)| decoded(value));
        match (values.next(), values.next()) {
            (None, _) => Some(None),
            (Some(value), None) => String::from_utf8(value).ok().map(Some),
            _ => None,
        }
    };
    let header = |name: &'static str| -> Option<Option<String>> {
        let mut values = request.values(name);
        match (values.next(), values.next()) {
            (_, Some(_)) => None,
            (value, None) => Some(value.map(|value| value.trim().to_owned())),
        }
    };
    let is_in_query = pairs.iter().any(|(name, _)| name == b"X-Amz-Algorithm");
    let (credential, names, signature, date, expires, session_token);
    match (header("authorization")?, is_in_query) {
        (Some(authorization), false) => {
            let fields = authorization.strip_prefix("AWS4-HMAC-SHA256 ")?;
            let fields: Option<Vec<_>> =
                fields.split(',').map(|field| field.trim_matches(' ').split_once('=')).collect();
            let fields = fields?;
            let mut known: Vec<_> = fields.iter().map(|(name, _)| *name).collect();
            known.sort();
            if known != ["Credential", "Signature", "SignedHeaders"] {
                return None;
            }
            let field = |name: &str| {
                fields.iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_string())
            };
            (credential, names, signature) =
                (field("Credential")?, field("SignedHeaders")?, field("Signature")?);
            (date, expires, session_token) = (header("x-amz-date")??, None, header("x-amz-security-token")?);
        }
        (None, true) => {
            if query("X-Amz-Algorithm")?? != "AWS4-HMAC-SHA256" {
                return None;
            }
            (credential, names) = (query("X-Amz-Credential")??, query("X-Amz-SignedHeaders")??);
            (signature, date) = (query("X-Amz-Signature")??, query("X-Amz-Date")??);
            (expires, session_token) = (query("X-Amz-Expires")?, query("X-Amz-Security-Token")?);
        }
        _ => return None,
    }
    let scope: Vec<_> = credential.split('/').collect();
    let &[access_key, day, region, service, "aws4_request"] = scope.as_slice() else { return None };
    if day.len() != 8 {
        return None;
    }
    let signed_headers: Vec<_> = names.split(';').map(str::to_owned).collect();
    let is_name = |name: &String| {
        !name.is_empty() && name.chars().all(|c| "abcdefghijklmnopqrstuvwxyz0123456789-_.!".contains(c))
    };
    let is_sorted = signed_headers.windows(2).all(|pair| pair[0] < pair[1]);
    if !is_sorted || !signed_headers.iter().all(is_name) || !signed_headers.contains(&"host".to_owned()) {
        return None;
    }
    let expires = match expires {
        None => None,
        Some(text) if text.len() <= 6 && text.chars().all(|c| c.is_ascii_digit()) => {
            Some(text.parse::<i64>().ok().filter(|seconds| (1..=7 * 86_400).contains(seconds))?)
        }
        Some(_) => return None,
    };
    Some(Parameters {
        is_in_query,
        access_key: access_key.to_owned(),
        day: day.to_owned(),
        region: region.to_owned(),
        service: service.to_owned(),
        seconds: seconds(&date)?,
        date,
        expires,
        signed_headers,
        signature,
        session_token,
    })
}

/// Returns the signature of a request with these parameters, in digits.
pub fn sign(request: &Request, parameters: &Parameters, secret: &str) -> Option<String> {
    let canonical = canonical(request, parameters)?;
    let Parameters { day, region, service, date, .. } = parameters;
    let text =
        format!("AWS4-HMAC-SHA256\n{date}\n{day}/{region}/{service}/aws4_request\n{}", sha256(&canonical));
    let mac = |key: &[u8], text: &str| hmac::sign(&Key::new(HMAC_SHA256, key), text.as_bytes());
    let key = mac(format!("AWS4{secret}").as_bytes(), day);
    let key = mac(mac(mac(key.as_ref(), region).as_ref(), service).as_ref(), "aws4_request");
    Some(hex(mac(key.as_ref(), &text).as_ref()))
}

pub fn sha256(text: &str) -> String {
    hex(digest(&SHA256, text.as_bytes()).as_ref())
}

fn canonical(request: &Request, parameters: &Parameters) -> Option<String> {
    let mut query = Vec::new();
    if !request.query.is_empty() {
        for pair in request.query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if pair.is_empty() || !is_escaped(name) || !is_escaped(value) {
                return None;
            }
            let name = encoded(&decoded(name), "");
            // AWS IoT does not sign the session token of an address.
            if parameters.is_in_query && (name == "X-Amz-Signature" || name == "X-Amz-Security-Token") {
                continue;
            }
            query.push((name, encoded(&decoded(value), "")));
        }
    }
    query.sort();
    let query: Vec<_> = query.into_iter().map(|(name, value)| name + "=" + &value).collect();
    let mut text = format!("{}\n{}\n{}\n", request.method, path(&request.path), query.join("&"));
    for name in &parameters.signed_headers {
        let values: Vec<_> = request.values(name).map(folded).collect();
        // The gateway puts U+FFFD in the place of bytes that are not UTF-8.
        if values.is_empty() || values.iter().any(|value| value.contains('\u{fffd}')) {
            return None;
        }
        text += &format!("{name}:{}\n", values.join(","));
    }
    text += &format!("\n{}\n{}", parameters.signed_headers.join(";"), sha256(&request.body));
    Some(text)
}

/// The path without empty segments and segments of dots, encoded once more.
fn path(path: &str) -> String {
    let mut normal: Vec<&str> = Vec::new();
    for segment in path.split('/').filter(|segment| !matches!(*segment, "" | ".")) {
        if segment == ".." {
            normal.pop();
        } else {
            normal.push(segment);
        }
    }
    let is_folder = path.rsplit_once('/').is_some_and(|(_, last)| matches!(last, "" | "." | ".."));
    // A folder keeps its slash, unless it is the root, which has one already.
    normal.extend((is_folder && !normal.is_empty()).then_some(""));
    encoded(format!("/{}", normal.join("/")).as_bytes(), "/")
}

/// A value without blanks at its ends, and with one in the place of several.
fn folded(value: &str) -> String {
    let mut folded = String::new();
    for c in value.chars() {
        let is_blank = matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0c');
        match is_blank {
            true if folded.is_empty() || folded.ends_with(' ') => {}
            true => folded.push(' '),
            false => folded.push(c),
        }
    }
    folded.trim_end_matches(' ').to_owned()
}

fn encoded(bytes: &[u8], kept: &str) -> String {
    let mut text = String::new();
    for byte in bytes {
        let c = char::from(*byte);
        if c.is_ascii_alphanumeric() || "-._~".contains(c) || kept.contains(c) {
            text.push(c);
        } else {
            text += &format!("%{byte:02X}");
        }
    }
    text
}

/// A percent sign without two digits stays.
fn decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let (mut decoded, mut i) = (Vec::new(), 0);
    while i < bytes.len() {
        let digits =
            text.get(i + 1..i + 3).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        match (bytes[i], digits) {
            (b'%', Some(digits)) => {
                decoded.push(u8::from_str_radix(digits, 16).unwrap());
                i += 3;
            }
            (byte, _) => {
                decoded.push(byte);
                i += 1;
            }
        }
    }
    decoded
}

fn is_escaped(text: &str) -> bool {
    let is_escape = |(i, _): (usize, &str)| {
        text.get(i + 1..i + 3).is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    text.match_indices('%').all(is_escape)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Seconds since 1970 of a time such as `20260115T120000Z`.
fn seconds(text: &str) -> Option<i64> {
    let digits = text.strip_suffix('Z')?.replacen('T', "", 1);
    if text.len() != 16
        || text.as_bytes()[8] != b'T'
        || digits.len() != 14
        || !digits.bytes().all(|byte| byte.is_ascii_digit())
    {
        return None;
    }
    let number = |from: usize, to: usize| digits[from..to].parse::<i64>().unwrap();
    let (year, month, day) = (number(0, 4), number(4, 6), number(6, 8));
    let (hour, minute, second) = (number(8, 10), number(10, 12), number(12, 14));
    let is_leap = |year: i64| (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let days_of = |year: i64, month: i64| match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let is_date = (1..=12).contains(&month) && (1..=days_of(year, month)).contains(&day);
    if !is_date || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let years = |year: i64| 365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let days =
        years(year - 1) - years(1969) + (1..month).map(|month| days_of(year, month)).sum::<i64>() + day - 1;
    Some(days * 86_400 + hour * 3600 + minute * 60 + second)
}
