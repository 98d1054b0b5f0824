//! Signature Version 4, as far as the gateway reads it: which access key a request names. No signature is verified yet;
//! until then only the operator's access key, compared whole, stands for one.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html>

use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use iot_local_policy::{Arn, Context, Policy};
use percent_encoding::percent_decode_str;
use serde_json::json;

use super::Admission;
use crate::facts::HttpFacts;

/// The algorithm in the header and in the query.
const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The marks of a signature in a request. Not `Debug`: an access key id is an operator's secret here.
pub(crate) struct SignatureMarks {
    /// `ACCESS_KEY/DATE/REGION/SERVICE/aws4_request`, if it is readable.
    credential: Option<String>,
    /// Whether the header and the query both have a signature.
    pub(crate) is_doubled: bool,
}

/// Why a signed request is denied, for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SignatureDenial {
    /// Two signatures.
    #[error(
        "the request has two signatures, in Authorization and in the query (X-Amz-Algorithm); expected one of them"
    )]
    Doubled,
    /// The credential is unreadable.
    #[error(
        "unreadable credential of Signature Version 4; expected ACCESS_KEY/DATE/REGION/SERVICE/aws4_request"
    )]
    Credential,
    /// The Region is another one.
    #[error(
        "the request is signed for Region \"{signed}\", and this gateway is {region}; help: --region {signed}"
    )]
    Region {
        /// The Region of the request.
        signed: String,
        /// The gateway's Region.
        region: String,
    },
    /// The key is not the operator's.
    #[error(
        "unknown access key; Signature Version 4 is not served yet, except with the operator's key pair; help: use the \
         key pair in .iot-local/private/operator, or connect with a token or a certificate"
    )]
    Key,
}

impl SignatureMarks {
    /// Returns the marks of a request, or `None` if it is not signed.
    pub(crate) fn of(http: &HttpFacts) -> Option<Self> {
        let headers = http.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("authorization"));
        let signed: Vec<_> = headers.filter_map(|(_, value)| value.trim().strip_prefix(ALGORITHM)).collect();
        let parameter = |name: &str| {
            let pairs = http.query.as_deref().unwrap_or_default().split('&');
            let value = pairs.filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name)?.1;
            Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
        };
        let is_presigned = parameter("X-Amz-Algorithm").is_some();
        let in_header = || {
            let parts = signed.first()?.split(',');
            parts.filter_map(|part| part.trim().strip_prefix("Credential=")).next().map(str::to_owned)
        };
        (is_presigned || !signed.is_empty()).then(|| Self {
            credential: if is_presigned { parameter("X-Amz-Credential") } else { in_header() },
            is_doubled: signed.len().saturating_add(is_presigned.into()) > 1,
        })
    }
}

/// The operator's key pair, which may do everything.
pub struct Operator {
    access_key: String,
    region: String,
    principal: String,
    policy: Arc<Policy>,
}

impl Operator {
    /// Creates the operator of a Region and an account.
    ///
    /// # Errors
    /// The Region or the account are invalid in an ARN.
    pub fn new(access_key: String, region: &str, account: &str, arn: &Arn) -> Result<Self, Vec<String>> {
        let document = json!({
            "Version": "2012-10-17",
            "Statement": [{ "Sid": "Operator", "Effect": "Allow", "Action": "iot:*", "Resource": "*" }],
        });
        Ok(Self {
            access_key,
            region: region.to_owned(),
            principal: format!("arn:aws:iam::{account}:root"),
            policy: Arc::new(Policy::parse(&[document], arn)?),
        })
    }

    /// Admits the operator.
    ///
    /// # Errors
    /// Why the request is denied.
    pub(crate) fn admit(
        &self,
        marks: &SignatureMarks,
        context: Context,
    ) -> Result<Admission, SignatureDenial> {
        if marks.is_doubled {
            return Err(SignatureDenial::Doubled);
        }
        let credential = marks.credential.as_deref().ok_or(SignatureDenial::Credential)?;
        let mut parts = credential.split('/');
        let (Some(access_key), Some(_), Some(region), Some(_), Some("aws4_request"), None) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(SignatureDenial::Credential);
        };
        if region != self.region {
            let signed = region.chars().take(32).collect();
            return Err(SignatureDenial::Region { signed, region: self.region.clone() });
        }
        if verify_slices_are_equal(access_key.as_bytes(), self.access_key.as_bytes()).is_err() {
            return Err(SignatureDenial::Key);
        }
        let permissions = Arc::clone(&self.policy);
        Ok(Admission { principal: self.principal.clone(), permissions, context, lifetime: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn http(authorization: &[&str], query: Option<&str>) -> HttpFacts {
        let header = |value: &&str| ("Authorization".to_owned(), (*value).to_owned());
        HttpFacts { headers: authorization.iter().map(header).collect(), query: query.map(str::to_owned) }
    }

    #[test]
    fn only_the_operator_s_key_in_its_region_is_admitted() {
        let arn: Arn = "arn:aws:iot:eu-west-1:123456789012:x".parse().unwrap();
        let operator = Operator::new("AKIAOPERATOR".to_owned(), "eu-west-1", "123456789012", &arn).unwrap();
        let signed =
            |scope: &str| format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0");
        let good = signed("AKIAOPERATOR/20261129/eu-west-1/iotdata/aws4_request");
        let presigned = "X-Amz-Algorithm=AWS4-HMAC-SHA256\
            &X-Amz-Credential=AKIAOPERATOR%2F20261129%2Feu-west-1%2Fiotdevicegateway%2Faws4_request";
        for (headers, query, expected) in [
            (&[good.as_str()][..], None, "ok"),
            (&[], Some(presigned), "ok"),
            (&[&good], Some(presigned), "two signatures"),
            (&[&good, &good], None, "two signatures"),
            (&[&signed("AKIA/20261129/eu-west-1/iotdata/aws4_request")], None, "unknown access key"),
            (&[&signed("akiaoperator/20261129/eu-west-1/iotdata/aws4_request")], None, "unknown access key"),
            (&[&signed("/20261129/eu-west-1/iotdata/aws4_request")], None, "unknown access key"),
            (&[&signed("AKIAOPERATOR/20261129/us-east-1/iotdata/aws4_request")], None, "--region us-east-1"),
            (&[&signed("AKIAOPERATOR/20261129/eu-west-1/iotdata")], None, "unreadable"),
            (&[&signed("AKIAOPERATOR/1/eu-west-1/iotdata/aws4_request/x")], None, "unreadable"),
            (&[&signed("AKIAOPERATOR")], None, "unreadable"),
            (&["AWS4-HMAC-SHA256"], None, "unreadable"),
            (&[], Some("X-Amz-Algorithm=AWS4-HMAC-SHA256"), "unreadable"),
            (&["Bearer AKIAOPERATOR"], None, "unsigned"),
            (&[], Some("x-amz-algorithm=AWS4-HMAC-SHA256"), "unsigned"),
            (&[], None, "unsigned"),
        ] {
            let outcome = match SignatureMarks::of(&http(headers, query)) {
                None => "unsigned".to_owned(),
                Some(marks) => match operator.admit(&marks, Context::default()) {
                    Ok(admission) => {
                        assert_eq!(admission.principal, "arn:aws:iam::123456789012:root");
                        "ok".to_owned()
                    }
                    Err(denial) => denial.to_string(),
                },
            };
            assert!(outcome.contains(expected), "{headers:?} {query:?}: {outcome}");
            assert!(!outcome.contains("AKIAOPERATOR"), "{outcome}");
        }
    }
}
