//! The CA that signs the certificates which AWS IoT creates for devices. Its key is made once for each state folder.
//!
//! No device needs the CA's certificate: AWS IoT finds a device by its certificate alone.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::{SystemRandom, fill};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use iot_local_base::files;
use time::OffsetDateTime;
use yasna::models::{GeneralizedTime, ObjectIdentifier, UTCTime};
use yasna::{DERWriter, DERWriterSeq, Tag, construct_der};

/// The file of the key in the folder of private files.
const KEY_FILE: &str = "device-ca.key.pem";

/// The end of the validity: 2049-12-31T23:59:59Z, as on AWS.
/// <https://docs.aws.amazon.com/iot/latest/developerguide/x509-client-certs.html>
pub(crate) const NOT_AFTER: i64 = 2_524_607_999;

/// How long before their creation certificates are valid, for clients whose clock is behind.
const CLOCK_SKEW: Duration = Duration::from_secs(120);

const COMMON_NAME: [u64; 4] = [2, 5, 4, 3];
const ECDSA_WITH_SHA256: [u64; 7] = [1, 2, 840, 10045, 4, 3, 2];
const SUBJECT_KEY_IDENTIFIER: [u64; 4] = [2, 5, 29, 14];
const KEY_USAGE: [u64; 4] = [2, 5, 29, 15];
const BASIC_CONSTRAINTS: [u64; 4] = [2, 5, 29, 19];
const AUTHORITY_KEY_IDENTIFIER: [u64; 4] = [2, 5, 29, 35];
const EXTENDED_KEY_USAGE: [u64; 4] = [2, 5, 29, 37];
const CLIENT_AUTH: [u64; 9] = [1, 3, 6, 1, 5, 5, 7, 3, 2];

/// Why the key cannot be read or written, or does not sign.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IssuerError {
    /// The file of the key is unusable.
    #[error("{}: {what}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The library reports no more.
    #[error("cannot sign a certificate")]
    Sign,
}

/// The CA of AWS IoT. Not `Debug`: it holds the key.
pub(crate) struct DeviceIssuer {
    key: EcdsaKeyPair,
}

impl DeviceIssuer {
    /// Opens the CA of a folder, or creates it. Without a folder, the key is in memory only.
    pub(crate) fn open(folder: Option<&Path>) -> Result<Self, IssuerError> {
        let created = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new())
            .map_err(|_| IssuerError::Sign)?;
        let Some(folder) = folder else {
            return Self::from_pkcs8(created.as_ref()).ok_or(IssuerError::Sign);
        };
        let path = folder.join(KEY_FILE);
        let file_error = |what: String| IssuerError::File { path: path.clone(), what };
        if !path.exists() {
            let pem = pem_text("PRIVATE KEY", created.as_ref());
            let written =
                files::private_folder(folder).and_then(|()| files::create_once(&path, pem.as_bytes()));
            written.map_err(|error| file_error(files::io_error(&error)))?;
        }
        // Another process may have created the file first, so the key is read from it.
        let pem = std::fs::read(&path).map_err(|error| file_error(files::io_error(&error)))?;
        let der = pem::parse(pem).map_err(|_| file_error("not a PEM file with a private key".to_owned()))?;
        Self::from_pkcs8(der.contents()).ok_or_else(|| file_error("not a PKCS#8 key of P-256".to_owned()))
    }

    fn from_pkcs8(der: &[u8]) -> Option<Self> {
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, der).ok().map(|key| Self { key })
    }

    /// Signs a client certificate of version 3 and returns its DER encoding. `subject` is a `Name` and `public_key` a
    /// `SubjectPublicKeyInfo`, both DER, so that they are in the certificate as they were sent. `not_after` is the end
    /// of the validity, seconds since 1970.
    pub(crate) fn sign(
        &self,
        subject: &[u8],
        public_key: &[u8],
        now: SystemTime,
        not_after: i64,
    ) -> Result<Vec<u8>, IssuerError> {
        let mut serial = [0; 16];
        fill(&mut serial).map_err(|_| IssuerError::Sign)?;
        // RFC 5280, section 4.1.2.2: a positive number.
        if let Some(first) = serial.first_mut() {
            *first = *first & 0x7f | 0x40;
        }
        let not_before = OffsetDateTime::from(now.checked_sub(CLOCK_SKEW).unwrap_or(now));
        let not_after = OffsetDateTime::from_unix_timestamp(not_after).map_err(|_| IssuerError::Sign)?;
        let unsigned = construct_der(|writer| {
            writer.write_sequence(|writer| {
                // Version 3.
                writer.next().write_tagged(Tag::context(0), |writer| writer.write_u8(2));
                writer.next().write_bigint_bytes(&serial, true);
                write_algorithm(writer.next());
                writer.next().write_der(&common_name("AWS IoT of the local gateway"));
                writer.next().write_sequence(|writer| {
                    write_time(writer.next(), not_before);
                    write_time(writer.next(), not_after);
                });
                writer.next().write_der(subject);
                writer.next().write_der(public_key);
                let ids = (key_identifier(self.key.public_key().as_ref()), key_identifier(public_key));
                writer.next().write_tagged(Tag::context(3), |writer| {
                    writer.write_sequence(|writer| write_extensions(writer, &ids.0, &ids.1));
                });
            });
        });
        let signature = self.key.sign(&SystemRandom::new(), &unsigned).map_err(|_| IssuerError::Sign)?;
        let bits = signature.as_ref().len().saturating_mul(8);
        Ok(construct_der(|writer| {
            writer.write_sequence(|writer| {
                writer.next().write_der(&unsigned);
                write_algorithm(writer.next());
                writer.next().write_bitvec_bytes(signature.as_ref(), bits);
            });
        }))
    }
}

/// Encodes a name with a common name alone.
pub(crate) fn common_name(text: &str) -> Vec<u8> {
    construct_der(|writer| {
        writer.write_sequence(|writer| {
            writer.next().write_set(|writer| {
                writer.next().write_sequence(|writer| {
                    writer.next().write_oid(&ObjectIdentifier::from_slice(&COMMON_NAME));
                    writer.next().write_utf8_string(text);
                });
            });
        });
    })
}

/// Encodes PEM with LF line endings, as AWS does.
pub(crate) fn pem_text(label: &str, der: &[u8]) -> String {
    let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    pem::encode_config(&pem::Pem::new(label, der), config)
}

/// The extensions of AWS's certificates, and the key usage for clients.
fn write_extensions(writer: &mut DERWriterSeq<'_>, authority: &[u8], subject: &[u8]) {
    write_extension(writer, &AUTHORITY_KEY_IDENTIFIER, false, |writer| {
        writer.write_sequence(|writer| {
            writer.next().write_tagged_implicit(Tag::context(0), |writer| writer.write_bytes(authority));
        });
    });
    write_extension(writer, &SUBJECT_KEY_IDENTIFIER, false, |writer| writer.write_bytes(subject));
    write_extension(writer, &BASIC_CONSTRAINTS, true, |writer| writer.write_sequence(|_| {}));
    // digitalSignature
    write_extension(writer, &KEY_USAGE, true, |writer| writer.write_bitvec_bytes(&[0x80], 1));
    write_extension(writer, &EXTENDED_KEY_USAGE, false, |writer| {
        writer.write_sequence(|writer| writer.next().write_oid(&ObjectIdentifier::from_slice(&CLIENT_AUTH)));
    });
}

fn write_extension(
    writer: &mut DERWriterSeq<'_>,
    oid: &[u64],
    is_critical: bool,
    value: impl FnOnce(DERWriter<'_>),
) {
    writer.next().write_sequence(|writer| {
        writer.next().write_oid(&ObjectIdentifier::from_slice(oid));
        // DER omits the default, which is false.
        if is_critical {
            writer.next().write_bool(true);
        }
        writer.next().write_bytes(&construct_der(value));
    });
}

fn write_algorithm(writer: DERWriter<'_>) {
    writer.write_sequence(|writer| {
        writer.next().write_oid(&ObjectIdentifier::from_slice(&ECDSA_WITH_SHA256));
    });
}

/// RFC 5280, section 4.1.2.5: from 2050 on, `GeneralizedTime`.
fn write_time(writer: DERWriter<'_>, time: OffsetDateTime) {
    let time = time.replace_nanosecond(0).unwrap_or(time);
    match UTCTime::from_datetime_opt(time) {
        Some(time) => writer.write_utctime(&time),
        None => writer.write_generalized_time(&GeneralizedTime::from_datetime(time)),
    }
}

/// RFC 7093, section 2, method 1, except that the hash covers what the caller has of the key.
fn key_identifier(public_key: &[u8]) -> Vec<u8> {
    digest(&SHA256, public_key).as_ref().iter().copied().take(20).collect()
}
