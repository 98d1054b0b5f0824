//! Key pairs made for one run of the tests, and the tokens that they sign.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{Jwk, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

/// A private key, its `kid`, and the algorithm that it signs with.
pub struct Signer {
    pub kid: String,
    pub algorithm: Algorithm,
    key: EncodingKey,
    der: Vec<u8>,
    jwk: Value,
}

impl Signer {
    /// The signer called `name`. Its key stays the same during a run.
    pub fn named(name: &str) -> &'static Self {
        static SIGNERS: OnceLock<BTreeMap<&str, Signer>> = OnceLock::new();
        let signers = SIGNERS.get_or_init(|| {
            let all = [
                ("rs256", Algorithm::RS256),
                ("rs384", Algorithm::RS384),
                ("rs512", Algorithm::RS512),
                ("ps256", Algorithm::PS256),
                ("ps384", Algorithm::PS384),
                ("ps512", Algorithm::PS512),
                ("es256", Algorithm::ES256),
                ("es384", Algorithm::ES384),
                ("eddsa", Algorithm::EdDSA),
                ("untrusted", Algorithm::RS256),
                ("partners", Algorithm::ES256),
                ("ec1", Algorithm::ES256),
                ("ec2", Algorithm::ES256),
                ("ec3", Algorithm::ES256),
                ("ec4", Algorithm::ES256),
                ("ec5", Algorithm::ES256),
            ];
            let rsa = rsa();
            all.into_iter().map(|(name, algorithm)| (name, Self::new(name, algorithm, &rsa))).collect()
        });
        signers.get(name).unwrap_or_else(|| panic!("no signer `{name}`"))
    }

    fn new(name: &str, algorithm: Algorithm, rsa: &[u8]) -> Self {
        let der = match algorithm {
            Algorithm::ES256 => {
                pkcs8(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap().to_pkcs8v1())
            }
            Algorithm::ES384 => {
                pkcs8(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap().to_pkcs8v1())
            }
            Algorithm::EdDSA => pkcs8(Ed25519KeyPair::generate().unwrap().to_pkcs8v1()),
            _ if name == "untrusted" => self::rsa(),
            _ => rsa.to_vec(),
        };
        let key = match algorithm {
            Algorithm::ES256 | Algorithm::ES384 => EncodingKey::from_ec_der(&der),
            Algorithm::EdDSA => EncodingKey::from_ed_der(&der),
            _ => EncodingKey::from_rsa_der(&der),
        };
        let jwk = serde_json::to_value(Jwk::from_encoding_key(&key, algorithm).unwrap()).unwrap();
        Self { kid: format!("{name}-1"), algorithm, key, der, jwk }
    }

    /// The public half as a JWK with `kid`, `alg` and `use`.
    pub fn jwk(&self) -> Value {
        let mut jwk = self.jwk.clone();
        jwk["kid"] = json!(self.kid);
        jwk["use"] = json!("sig");
        jwk
    }

    /// The public half as a JWK without `kid`, `alg` and `use`.
    pub fn bare_jwk(&self) -> Value {
        let mut jwk = self.jwk.clone();
        jwk.as_object_mut().unwrap().remove("alg");
        jwk
    }

    /// The RFC 7638 thumbprint.
    pub fn thumbprint(&self) -> String {
        let jwk: Jwk = serde_json::from_value(self.jwk.clone()).unwrap();
        jwk.thumbprint(ThumbprintHash::SHA256).unwrap()
    }

    /// The public half in PEM.
    pub fn pem(&self) -> String {
        use aws_lc_rs::signature::{KeyPair, RsaKeyPair};
        let der = match self.algorithm {
            Algorithm::ES256 => {
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &self.der).unwrap();
                AsDer::as_der(pair.public_key()).unwrap().as_ref().to_vec()
            }
            Algorithm::ES384 => {
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, &self.der).unwrap();
                AsDer::as_der(pair.public_key()).unwrap().as_ref().to_vec()
            }
            Algorithm::EdDSA => {
                let pair = Ed25519KeyPair::from_pkcs8(&self.der).unwrap();
                AsDer::as_der(pair.public_key()).unwrap().as_ref().to_vec()
            }
            _ => {
                let pair = RsaKeyPair::from_der(&self.der).unwrap();
                AsDer::as_der(pair.public_key()).unwrap().as_ref().to_vec()
            }
        };
        pem::encode(&pem::Pem::new("PUBLIC KEY", der))
    }

    /// The default header of its tokens.
    pub fn header(&self) -> Value {
        json!({ "alg": format!("{:?}", self.algorithm), "typ": "JWT", "kid": self.kid })
    }

    /// Signs a header and a payload, whatever their bytes.
    pub fn sign(&self, header: &[u8], payload: &[u8]) -> String {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &self.key, self.algorithm).unwrap();
        format!("{signed}.{signature}")
    }

    /// Signs claims with the default header.
    pub fn token(&self, claims: &Value) -> String {
        self.sign(self.header().to_string().as_bytes(), claims.to_string().as_bytes())
    }
}

fn pkcs8<E: std::fmt::Debug>(document: Result<aws_lc_rs::pkcs8::Document, E>) -> Vec<u8> {
    document.unwrap().as_ref().to_vec()
}

/// A new RSA key, as PKCS#1 DER.
fn rsa() -> Vec<u8> {
    use aws_lc_rs::encoding::Pkcs8V1Der;
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let pkcs8: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    // RFC 5208 section 5: the octet string at the end is the PKCS#1 key. With 2,048 bits it begins after 26 bytes.
    pkcs8.as_ref()[26..].to_vec()
}
