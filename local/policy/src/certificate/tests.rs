//! Which keys exist, and which values they have.

use std::collections::BTreeMap;

use super::*;

fn context() -> CertificateContext {
    let values = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
    let certificate = BTreeMap::from([
        ("Subject.CommonName".to_owned(), values(&["lamp"])),
        ("Subject.Organization".to_owned(), values(&["a", "b", "c", "d", "e", "f"])),
        ("Subject.AlternativeName.DNSName".to_owned(), values(&["lamp.example"])),
        ("Subject.Title".to_owned(), Vec::new()),
        ("Issuer.State".to_owned(), values(&["Tokyo"])),
        ("SerialNumber".to_owned(), values(&["17"])),
    ]);
    let attributes =
        BTreeMap::from([("site".to_owned(), "oslo".to_owned()), ("a.1".to_owned(), "x".to_owned())]);
    let thing = ThingContext { name: "lamp-1".to_owned(), type_name: Some("lamp".to_owned()), attributes };
    CertificateContext { certificate, thing: Some(thing) }
}

#[test]
fn known_names_have_their_values() {
    for (name, expected) in [
        ("iot:Certificate.Subject.CommonName", &["lamp"][..]),
        ("IOT:certificate.SUBJECT.commonname", &["lamp"]),
        ("iot:Certificate.Subject.Organization", &["a"]),
        ("iot:Certificate.Subject.Organization.0", &["a"]),
        ("iot:Certificate.Subject.Organization.1", &["b"]),
        ("iot:Certificate.Subject.Organization.4", &["e"]),
        ("iot:Certificate.Subject.Organization.5", &[]),
        ("iot:Certificate.Subject.Organization.List", &["a", "b", "c", "d", "e"]),
        ("iot:Certificate.Subject.CommonName.1", &[]),
        ("iot:Certificate.Subject.CommonName.list", &["lamp"]),
        ("iot:Certificate.Subject.AlternativeName.DNSName", &["lamp.example"]),
        ("iot:Certificate.Subject.AlternativeName.DNSName.List", &["lamp.example"]),
        ("iot:Certificate.Subject.Title", &[]),
        ("iot:Certificate.Subject.Country", &[]),
        ("iot:Certificate.Subject.Country.List", &[]),
        ("iot:Certificate.Issuer.State", &["Tokyo"]),
        ("iot:Certificate.Issuer.CommonName", &[]),
        ("iot:Certificate.SerialNumber", &["17"]),
        (
            "iot:Certificate.AvailableKeys",
            &[
                "iot:Certificate.Issuer.State",
                "iot:Certificate.SerialNumber",
                "iot:Certificate.Subject.AlternativeName.DNSName",
                "iot:Certificate.Subject.CommonName",
                "iot:Certificate.Subject.Organization",
            ],
        ),
        ("iot:Connection.Thing.ThingName", &["lamp-1"]),
        ("iot:connection.thing.thingname", &["lamp-1"]),
        ("iot:Connection.Thing.ThingTypeName", &["lamp"]),
        ("iot:Connection.Thing.IsAttached", &["true"]),
        ("iot:Connection.Thing.Attributes[site]", &["oslo"]),
        ("iot:Connection.Thing.ATTRIBUTES[site]", &["oslo"]),
        ("iot:Connection.Thing.Attributes[a.1]", &["x"]),
        ("iot:Connection.Thing.Attributes[Site]", &[]),
        ("iot:Connection.Thing.Attributes[]", &[]),
    ] {
        let found = context().key(name).map(|key| key.values);
        assert_eq!(found, Some(expected.iter().map(|value| (*value).to_owned()).collect()), "{name}");
    }
}

#[test]
fn unknown_names_are_unknown() {
    for name in [
        "",
        "iot:Certificate",
        "iot:Certificate.",
        "iot:Certificate.Subject",
        "iot:Certificate.Subject.",
        "iot:Certificate.Subject.StateName",
        "iot:Certificate.Subject.CommonName.",
        "iot:Certificate.Subject.CommonName.-1",
        "iot:Certificate.Subject.CommonName.+1",
        "iot:Certificate.Subject.CommonName.01",
        "iot:Certificate.Subject.CommonName.10",
        "iot:Certificate.Subject.CommonName.1.List",
        "iot:Certificate.Subject.CommonName.List.1",
        "iot:Certificate.Subject.CommonName.first",
        "iot:Certificate.Subject.DNSName",
        "iot:Certificate.AlternativeName.DNSName",
        "iot:Certificate.CommonName",
        "iot:Certificate.Id",
        "iot:Certificate.AvailableKeys.1",
        "iot:Connection.Thing",
        "iot:Connection.Thing.Name",
        "iot:Connection.Thing.ThingName.1",
        "iot:Connection.Thing.Attributes",
        "iot:Connection.Thing.Attributes[site",
        "iot:Connection.Thing.Attributes.site",
        "iot:Thing.ThingName",
        "iot:ClientId",
        "iot:Connéction.Thing.ThingName",
    ] {
        assert_eq!(context().key(name), None, "{name}");
    }
}

#[test]
fn without_a_thing_only_is_attached_has_a_value() {
    let context = CertificateContext { thing: None, ..context() };
    let values = |name: &str| context.key(name).map(|key| key.values);
    assert_eq!(values("iot:Connection.Thing.IsAttached"), Some(vec!["false".to_owned()]));
    for name in ["ThingName", "ThingTypeName", "Attributes[site]"] {
        assert_eq!(values(&format!("iot:Connection.Thing.{name}")), Some(Vec::new()), "{name}");
    }
}

#[test]
fn a_value_that_could_widen_a_policy_is_not_substituted() {
    for value in ["lamp", "a b", "é", "a/b", "{a}", "a.b:c@d", &"é".repeat(1024)] {
        assert_eq!(check_substitution(value), Ok(()), "{value}");
    }
    let longer = "é".repeat(1025);
    for value in ["", "*", "a*", "+", "a+b", "?", "#", "a/#", "$", "${iot:ClientId}", "${*}", &longer] {
        assert!(check_substitution(value).is_err(), "{value}");
    }
}
