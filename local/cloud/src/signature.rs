//! Signatures in certificates and certification requests, with the algorithms that AWS IoT accepts.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/x509-client-certs.html>

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA384_ASN1, ECDSA_P256_SHA512_ASN1, ECDSA_P384_SHA256_ASN1,
    ECDSA_P384_SHA384_ASN1, ECDSA_P384_SHA512_ASN1, ECDSA_P521_SHA256_ASN1, ECDSA_P521_SHA384_ASN1,
    ECDSA_P521_SHA512_ASN1, EcdsaVerificationAlgorithm, UnparsedPublicKey, VerificationAlgorithm,
};
use x509_parser::der_parser::asn1_rs::{BitString, Oid, oid};
use x509_parser::oid_registry::{
    OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_NIST_EC_P384, OID_NIST_EC_P521, OID_PKCS1_RSAENCRYPTION,
    OID_PKCS1_RSASSAPSS, OID_PKCS1_SHA256WITHRSA, OID_PKCS1_SHA384WITHRSA, OID_PKCS1_SHA512WITHRSA,
};
use x509_parser::public_key::PublicKey;
use x509_parser::verify::verify_signature;
use x509_parser::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo};

const ECDSA_SHA256: Oid<'static> = oid!(1.2.840.10045.4.3.2);
const ECDSA_SHA384: Oid<'static> = oid!(1.2.840.10045.4.3.3);
const ECDSA_SHA512: Oid<'static> = oid!(1.2.840.10045.4.3.4);

/// The curves and the digests of ECDSA. x509-parser knows neither P-521 nor SHA-512 with ECDSA.
static ECDSA: [(Oid<'static>, Oid<'static>, &EcdsaVerificationAlgorithm); 9] = [
    (OID_EC_P256, ECDSA_SHA256, &ECDSA_P256_SHA256_ASN1),
    (OID_EC_P256, ECDSA_SHA384, &ECDSA_P256_SHA384_ASN1),
    (OID_EC_P256, ECDSA_SHA512, &ECDSA_P256_SHA512_ASN1),
    (OID_NIST_EC_P384, ECDSA_SHA256, &ECDSA_P384_SHA256_ASN1),
    (OID_NIST_EC_P384, ECDSA_SHA384, &ECDSA_P384_SHA384_ASN1),
    (OID_NIST_EC_P384, ECDSA_SHA512, &ECDSA_P384_SHA512_ASN1),
    (OID_NIST_EC_P521, ECDSA_SHA256, &ECDSA_P521_SHA256_ASN1),
    (OID_NIST_EC_P521, ECDSA_SHA384, &ECDSA_P521_SHA384_ASN1),
    (OID_NIST_EC_P521, ECDSA_SHA512, &ECDSA_P521_SHA512_ASN1),
];

/// The smallest RSA modulus.
const MIN_RSA_BITS: usize = 2048;

/// Returns whether a key signed a message. Algorithms that AWS IoT does not accept, such as SHA-1, sign nothing.
pub(crate) fn verify(
    key: &SubjectPublicKeyInfo<'_>,
    algorithm: &AlgorithmIdentifier<'_>,
    signature: &BitString<'_>,
    message: &[u8],
) -> bool {
    let oid = &algorithm.algorithm;
    if key.algorithm.algorithm == OID_KEY_TYPE_EC_PUBLIC_KEY {
        let curve = curve(key);
        let row = ECDSA.iter().find(|(known, digest, _)| curve.as_ref() == Some(known) && digest == oid);
        return row.is_some_and(|(_, _, algorithm)| {
            let algorithm: &dyn VerificationAlgorithm = *algorithm;
            UnparsedPublicKey::new(algorithm, &key.subject_public_key.data)
                .verify(message, &signature.data)
                .is_ok()
        });
    }
    let is_rsa =
        [OID_PKCS1_SHA256WITHRSA, OID_PKCS1_SHA384WITHRSA, OID_PKCS1_SHA512WITHRSA, OID_PKCS1_RSASSAPSS]
            .contains(oid);
    is_rsa && verify_signature(key, algorithm, signature, message).is_ok()
}

/// Returns whether AWS IoT accepts a device's key: RSA of at least 2,048 bits, P-256, P-384 or P-521.
pub(crate) fn is_supported_key(key: &SubjectPublicKeyInfo<'_>) -> bool {
    let algorithm = &key.algorithm.algorithm;
    if *algorithm == OID_PKCS1_RSAENCRYPTION {
        return matches!(key.parsed(), Ok(PublicKey::RSA(rsa)) if rsa.key_size() >= MIN_RSA_BITS);
    }
    let curves = [OID_EC_P256, OID_NIST_EC_P384, OID_NIST_EC_P521];
    *algorithm == OID_KEY_TYPE_EC_PUBLIC_KEY && curve(key).is_some_and(|curve| curves.contains(&curve))
}

fn curve<'a>(key: &SubjectPublicKeyInfo<'a>) -> Option<Oid<'a>> {
    key.algorithm.parameters.as_ref().and_then(|parameters| parameters.clone().oid().ok())
}
