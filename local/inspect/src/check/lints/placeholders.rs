//! Values of the shipped example and of the recipes that were not replaced. They pass every other check, and the function
//! then denies every real token.

use super::{Linter, PLACEHOLDER};

/// The thumbprint of the shipped key, whose private half was deleted when it was made.
const SHIPPED_KEY: &str = "9oGSZPuYOOsCMN9-KGlqFX_21-iMBVn6_HcGKJT_0fo";
/// Random UUIDs have more distinct digits.
const MAX_SAMPLE_DIGITS: usize = 4;

impl Linter<'_> {
    pub(super) fn placeholders(&mut self) {
        let (authorizer, files) = (self.authorizer, self.files);
        for (index, issuer) in authorizer.issuers.iter().enumerate() {
            let place = |key| files.entry("issuer", index, key);
            if is_sample(&issuer.rules.issuer) {
                let what = format!("issuer `{}` has a sample `issuer`", issuer.id);
                self.add_to_config(PLACEHOLDER, place("issuer"), what);
            }
            if issuer.rules.audience.iter().any(|audience| is_sample(audience)) {
                let what = format!("issuer `{}` has a sample `audience`", issuer.id);
                self.add_to_config(PLACEHOLDER, place("audience"), what);
            }
            if issuer.keys.keys().iter().any(|key| key.thumbprint() == SHIPPED_KEY) {
                let what = format!("issuer `{}` has the sample key, which signs no token", issuer.id);
                self.add_to_config(PLACEHOLDER, place("keys"), what);
            }
        }
    }
}

/// Whether a text has the word `example`, as example.com, `_Example01` and `EXAMPLE` have it, or a UUID that nothing
/// generated.
fn is_sample(text: &str) -> bool {
    text.to_ascii_lowercase().contains("example") || text.split('/').any(is_sample_uuid)
}

fn is_sample_uuid(text: &str) -> bool {
    let is_uuid = text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    let mut digits: Vec<u8> = text.bytes().filter(|byte| *byte != b'-').collect();
    digits.sort_unstable();
    digits.dedup();
    is_uuid && digits.len() <= MAX_SAMPLE_DIGITS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_differ_from_real_values() {
        for (text, expected) in [
            ("https://login.example.com/", true),
            ("https://example.org", true),
            ("https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Example01", true),
            ("us-east-1_EXAMPLE", true),
            ("https://login.microsoftonline.com/11111111-1111-4111-8111-111111111111/v2.0", true),
            ("00000000-0000-0000-0000-000000000000", true),
            ("https://login.microsoftonline.com/6ba7b810-9dad-41d1-80b4-00c04fd430c8/v2.0", false),
            ("https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_aB3dE5fGh", false),
            ("https://login.acme.io/", false),
            ("11111111-1111-4111-8111-11111111111", false),
            ("iot-core", false),
        ] {
            assert_eq!(is_sample(text), expected, "{text}");
        }
    }
}
