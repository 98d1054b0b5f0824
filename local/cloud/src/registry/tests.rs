#[path = "../../../../tests/support/random.rs"]
mod random;

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::select;

use super::*;

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

fn name() -> impl Strategy<Value = String> {
    select(&NAMES[..]).prop_map(str::to_owned)
}

fn principal() -> impl Strategy<Value = Principal> {
    (name(), any::<bool>()).prop_map(|(name, is_certificate)| {
        if is_certificate { Principal::Certificate(name) } else { Principal::CognitoIdentity(name) }
    })
}

fn target() -> impl Strategy<Value = PolicyTarget> {
    prop_oneof![principal().prop_map(PolicyTarget::Principal), name().prop_map(PolicyTarget::ThingGroup)]
}

fn certificate() -> impl Strategy<Value = Certificate> {
    let status = select(CertificateStatus::ALL);
    let mode = select(CertificateMode::ALL);
    (name(), status, mode, proptest::option::of(name()), any::<i64>()).prop_map(
        |(id, status, mode, ca_certificate_id, time)| Certificate {
            id,
            pem: "PEM\n\"ü\"".to_owned(),
            status,
            mode,
            ca_certificate_id,
            not_before: time,
            not_after: time,
            created: time,
            modified: time,
            customer_version: 1,
            generation_id: "generation".to_owned(),
        },
    )
}

fn ca_certificate() -> impl Strategy<Value = CaCertificate> {
    let config =
        proptest::option::of((name(), proptest::option::of(name())).prop_map(|(template, role_arn)| {
            RegistrationConfig { template_body: Some(template), role_arn, template_name: None }
        }));
    (name(), name(), select(CaStatus::ALL), any::<bool>(), config).prop_map(
        |(id, subject, status, auto_registration, registration_config)| CaCertificate {
            id,
            pem: String::new(),
            subject,
            status,
            auto_registration,
            registration_config,
            mode: CertificateMode::Default,
            not_before: 0,
            not_after: 1,
            created: 2,
            modified: 3,
            customer_version: 4,
            generation_id: "generation".to_owned(),
        },
    )
}

fn policy() -> impl Strategy<Value = Policy> {
    (name(), proptest::collection::btree_map(1_u32..6, name(), 1..5)).prop_map(|(name, documents)| {
        let versions = documents
            .into_iter()
            .map(|(number, document)| (number, PolicyVersion { document, created: 1 }))
            .collect();
        let generation_id = "generation".to_owned();
        Policy { name, versions, default_version: 1, last_version: 5, created: 1, modified: 2, generation_id }
    })
}

fn thing() -> impl Strategy<Value = Thing> {
    let attributes = proptest::collection::btree_map(name(), name(), 0..3);
    (name(), proptest::option::of(name()), attributes, any::<u64>()).prop_map(
        |(name, type_name, attributes, version)| Thing {
            id: format!("id of {name}"),
            name,
            type_name,
            attributes,
            version,
            created: 1,
        },
    )
}

fn group() -> impl Strategy<Value = ThingGroup> {
    (name(), proptest::option::of(name()), proptest::option::of(name())).prop_map(
        |(name, parent, description)| ThingGroup {
            id: format!("id of {name}"),
            name,
            parent,
            description,
            attributes: BTreeMap::new(),
            version: 1,
            created: 1,
        },
    )
}

fn thing_type() -> impl Strategy<Value = ThingType> {
    (name(), proptest::option::of(any::<i64>())).prop_map(|(name, deprecated)| ThingType {
        id: format!("id of {name}"),
        name,
        properties: serde_json::Map::from_iter([("searchableAttributes".to_owned(), vec!["a"].into())]),
        created: 1,
        deprecated,
    })
}

fn change() -> impl Strategy<Value = Change> {
    let resource = || (select(&["policy", "thinggroup", "thingtype", "cacert", "authorizer"][..]), name());
    let resource = move || resource().prop_map(|(kind, name)| format!("{kind}/{name}"));
    let certificates = prop_oneof![
        certificate().prop_map(|record| Change::PutCertificate(record.into())),
        (name(), select(CertificateStatus::ALL)).prop_map(|(id, status)| Change::SetCertificateStatus {
            id,
            status,
            modified: 9,
            generation_id: "other".to_owned()
        }),
        name().prop_map(|id| Change::RemoveCertificate { id }),
        ca_certificate().prop_map(|record| Change::PutCaCertificate(record.into())),
        name().prop_map(|id| Change::RemoveCaCertificate { id }),
        proptest::option::of(name()).prop_map(|code| Change::SetRegistrationCode { code }),
    ];
    let policies = prop_oneof![
        policy().prop_map(|record| Change::PutPolicy(record.into())),
        name().prop_map(|name| Change::RemovePolicy { name }),
        (name(), target()).prop_map(|(policy, target)| Change::AttachPolicy { policy, target }),
        (name(), target()).prop_map(|(policy, target)| Change::DetachPolicy { policy, target }),
    ];
    let things = prop_oneof![
        thing().prop_map(|record| Change::PutThing(record.into())),
        name().prop_map(|name| Change::RemoveThing { name }),
        (name(), principal(), select(ThingPrincipalType::ALL))
            .prop_map(|(thing, principal, kind)| Change::AttachPrincipal { thing, principal, kind }),
        (name(), principal()).prop_map(|(thing, principal)| Change::DetachPrincipal { thing, principal }),
        thing_type().prop_map(|record| Change::PutThingType(record.into())),
        name().prop_map(|name| Change::RemoveThingType { name }),
    ];
    let groups = prop_oneof![
        group().prop_map(|record| Change::PutThingGroup(record.into())),
        name().prop_map(|name| Change::RemoveThingGroup { name }),
        (name(), name()).prop_map(|(group, thing)| Change::AddToThingGroup { group, thing }),
        (name(), name()).prop_map(|(group, thing)| Change::RemoveFromThingGroup { group, thing }),
    ];
    let tags = prop_oneof![
        (resource(), proptest::collection::btree_map(name(), name(), 0..3))
            .prop_map(|(resource, tags)| Change::Tag { resource, tags }),
        (resource(), proptest::collection::btree_set(name(), 0..3))
            .prop_map(|(resource, keys)| Change::Untag { resource, keys }),
    ];
    prop_oneof![certificates, policies, things, groups, authorizers(), fleet(), shadows(), tags]
}

fn shadows() -> impl Strategy<Value = Change> {
    let key = || (name(), proptest::option::of(name()));
    let sections = || {
        let members = proptest::collection::btree_map(name(), any::<i8>(), 0..3);
        members.prop_map(|members| {
            members.into_iter().map(|(name, value)| (name, value.into())).collect::<serde_json::Map<_, _>>()
        })
    };
    let shadow = (key(), any::<u64>(), sections(), sections(), proptest::option::of(0..4_i64)).prop_map(
        |((thing, name), version, desired, reported, deleted)| {
            let state = ShadowSections { desired, reported };
            Shadow { thing, name, version, metadata: state.clone(), state, deleted }
        },
    );
    prop_oneof![
        shadow.prop_map(|record| Change::PutShadow(record.into())),
        key().prop_map(|(thing, name)| Change::RemoveShadow { thing, name }),
    ]
}

fn fleet() -> impl Strategy<Value = Change> {
    let template = name().prop_map(|name| ProvisioningTemplate {
        name,
        template_type: TemplateType::FleetProvisioning,
        description: None,
        enabled: true,
        role_arn: "role".to_owned(),
        hook: None,
        versions: BTreeMap::from([(1, TemplateVersion { body: "{}".to_owned(), created: 1 })]),
        default_version: 1,
        last_version: 1,
        created: 1,
        modified: 2,
    });
    let token =
        (name(), name(), name(), 0..4_i64).prop_map(|(sha256, certificate_id, principal, expires)| {
            OwnershipToken { sha256, certificate_id, principal, expires }
        });
    let claim = (name(), name(), 0..4_i64).prop_map(|(certificate_id, template, expires)| {
        ProvisioningClaim { certificate_id, template, expires }
    });
    prop_oneof![
        template.prop_map(|record| Change::PutProvisioningTemplate(record.into())),
        name().prop_map(|name| Change::RemoveProvisioningTemplate { name }),
        token.prop_map(|record| Change::PutOwnershipToken(record.into())),
        name().prop_map(|sha256| Change::RemoveOwnershipToken { sha256 }),
        claim.prop_map(|record| Change::PutProvisioningClaim(record.into())),
        name().prop_map(|certificate_id| Change::RemoveProvisioningClaim { certificate_id }),
    ]
}

fn authorizers() -> impl Strategy<Value = Change> {
    let authorizer =
        (name(), select(AuthorizerStatus::ALL), any::<bool>()).prop_map(|(name, status, flag)| Authorizer {
            function_arn: format!("function of {name}"),
            token_key: flag.then(|| "token".to_owned()),
            signing_keys: flag.then(|| ("k".to_owned(), "PEM".to_owned())).into_iter().collect(),
            name,
            status,
            signing_disabled: !flag,
            caching_for_http: flag,
            created: 1,
            modified: 2,
        });
    let config = proptest::option::of((proptest::option::of(name()), any::<bool>()).prop_map(
        |(default_authorizer, allow_override)| AuthorizerConfig { default_authorizer, allow_override },
    ));
    let domain = (name(), select(DomainConfigurationStatus::ALL), config).prop_map(
        |(name, status, authorizer_config)| DomainConfiguration {
            id: "0".to_owned(),
            domain_name: format!("{name}.localhost"),
            name,
            managed: false,
            status,
            status_changed: 3,
            authentication_type: AuthenticationType::Default,
            application_protocol: ApplicationProtocol::Default,
            authorizer_config,
            server_certificate_arn: None,
            validation_certificate_arn: None,
            security_policy: "policy".to_owned(),
            ocsp_check: None,
        },
    );
    prop_oneof![
        authorizer.prop_map(|record| Change::PutAuthorizer(record.into())),
        name().prop_map(|name| Change::RemoveAuthorizer { name }),
        proptest::option::of(name()).prop_map(|name| Change::SetDefaultAuthorizer { name }),
        domain.prop_map(|record| Change::PutDomainConfiguration(record.into())),
        name().prop_map(|name| Change::RemoveDomainConfiguration { name }),
        proptest::collection::btree_set(select(EventType::ALL), 0..4).prop_map(|enabled| {
            Change::SetEventConfigurations(EventConfigurations { enabled, created: 1, modified: 2 }.into())
        }),
    ]
}

fn registry(changes: impl IntoIterator<Item = Change>) -> Registry {
    let mut registry = Registry::default();
    for change in changes {
        registry.apply(&change);
    }
    registry
}

/// The change after the log has kept it.
fn stored(change: &Change) -> Change {
    serde_json::from_str(&serde_json::to_string(change).unwrap()).unwrap()
}

/// Each index against a search through all records.
fn check_indexes(registry: &Registry) {
    let everything = NAMES.map(str::to_owned);
    for name in &everything {
        let ids = |found: Vec<&str>| found.into_iter().map(str::to_owned).collect::<BTreeSet<_>>();
        let certificates = registry.certificates().filter(|one| one.ca_certificate_id.as_ref() == Some(name));
        assert_eq!(
            ids(registry.certificates_of_ca(name).map(|one| one.id.as_str()).collect()),
            ids(certificates.map(|one| one.id.as_str()).collect())
        );
        let cas = registry.ca_certificates().filter(|one| one.subject == *name);
        assert_eq!(
            ids(registry.ca_certificates_of_subject(name).map(|one| one.id.as_str()).collect()),
            ids(cas.map(|one| one.id.as_str()).collect())
        );
        let things = registry.things().filter(|one| one.type_name.as_ref() == Some(name));
        assert_eq!(
            ids(registry.things_of_type(name).map(|one| one.name.as_str()).collect()),
            ids(things.map(|one| one.name.as_str()).collect())
        );
        let groups = registry.thing_groups().filter(|one| one.parent.as_ref() == Some(name));
        assert_eq!(
            ids(registry.child_groups(name).map(|one| one.name.as_str()).collect()),
            ids(groups.map(|one| one.name.as_str()).collect())
        );
        // Groups form trees.
        assert!(registry.group_and_parents(name).nth(NAMES.len()).is_none());
        assert_eq!(
            registry.thing_groups.contains_key(name),
            registry.group_and_parents(name).next().is_some()
        );
    }
    check_relations(registry);
    check_fleet(registry);
    check_shadows(registry);
}

/// Exactly what has expired is removed, and each token has its certificate.
fn check_fleet(registry: &Registry) {
    let expiries = |registry: &Registry| {
        let found = NAMES.iter().filter_map(|name| registry.ownership_token(name));
        let tokens: Vec<_> = found.map(|token| (token.certificate_id.clone(), token.expires)).collect();
        assert!(tokens.iter().all(|(certificate, _)| registry.certificate(certificate).is_some()));
        let claims = NAMES.iter().filter_map(|name| registry.provisioning_claim(name));
        claims.map(|claim| (claim.template.clone(), claim.expires)).chain(tokens).collect::<Vec<_>>()
    };
    for now in 0..4 {
        let mut later = registry.clone();
        registry.expired(now).iter().for_each(|change| later.apply(change));
        let valid: Vec<_> = expiries(registry).into_iter().filter(|(_, expires)| *expires > now).collect();
        assert_eq!(expiries(&later), valid);
        assert!(later.expired(now).is_empty());
    }
}

/// Deleted shadows are found by no one, and are removed once their versions no longer count.
fn check_shadows(registry: &Registry) {
    const LIFETIME: i64 = 48 * 60 * 60 * 1000;
    let shadows: Vec<_> = registry.shadows.changes().collect();
    for change in &shadows {
        let Change::PutShadow(shadow) = change else { panic!("{change:?}") };
        let name = shadow.name.as_deref();
        assert_eq!(registry.shadow(&shadow.thing, name).is_some(), shadow.deleted.is_none());
        let is_listed =
            name.is_some_and(|name| registry.named_shadows(&shadow.thing).any(|found| found == name));
        assert_eq!(is_listed, name.is_some() && shadow.deleted.is_none());
        for now in [LIFETIME - 1, LIFETIME, LIFETIME + 3] {
            let counts = shadow.deleted.is_none_or(|deleted| now.saturating_sub(deleted) < LIFETIME);
            let version = if counts { shadow.version } else { 0 };
            assert_eq!(registry.shadow_version(&shadow.thing, name, now), version);
        }
    }
    for now in LIFETIME..LIFETIME + 5 {
        let mut later = registry.clone();
        registry.forgotten_shadows(now).iter().for_each(|change| later.apply(change));
        let is_kept = |change: &&Change| match change {
            Change::PutShadow(shadow) => {
                shadow.deleted.is_none_or(|deleted| now.saturating_sub(deleted) < LIFETIME)
            }
            _ => false,
        };
        assert!(later.shadows.changes().eq(shadows.iter().filter(is_kept).cloned()));
    }
}

/// Both sides of each pair exist, and each finds the other.
fn check_relations(registry: &Registry) {
    for (policy, target, ()) in registry.attachments.iter() {
        assert!(registry.policy(policy).is_some() && registry.has_target(target));
        assert!(registry.policies_of(target).any(|found| found.name == *policy));
        assert!(registry.targets_of(policy).any(|found| found == target));
    }
    for (thing, principal, kind) in registry.principals.iter() {
        assert!(registry.thing(thing).is_some() && registry.has_principal(principal));
        let mut things = registry.things_of(principal);
        assert!(things.any(|(found, found_kind)| found.name == *thing && found_kind == kind));
    }
    for (group, thing, ()) in registry.members.iter() {
        assert!(registry.thing_group(group).is_some() && registry.thing(thing).is_some());
        assert!(registry.groups_of(thing).any(|found| found.name == *group));
        assert!(registry.things_in_group(group).any(|found| found.name == *thing));
    }
    registry.attachments.check();
    registry.principals.check();
    registry.members.check();
}

proptest! {
    #![proptest_config(random::config(300))]

    #[test]
    fn the_log_gives_the_same_registry(changes in proptest::collection::vec(change(), 0..250)) {
        let made = registry(changes.iter().cloned());
        check_indexes(&made);
        prop_assert_eq!(&registry(changes.iter().map(stored)), &made);
        // As a snapshot keeps it.
        prop_assert_eq!(&registry(made.changes().map(|change| stored(&change))), &made);
    }

    #[test]
    fn a_change_made_twice_is_made_once(changes in proptest::collection::vec(change(), 1..40)) {
        let once = registry(changes.iter().cloned());
        // The status of a certificate counts its changes.
        if let Some(last) = changes.last().filter(|last| !matches!(last, Change::SetCertificateStatus { .. })) {
            let mut twice = once.clone();
            twice.apply(last);
            prop_assert_eq!(twice, once);
        }
    }
}

#[test]
fn what_is_attached_goes_with_its_record() {
    let certificate = Principal::Certificate("a".to_owned());
    let target = || PolicyTarget::certificate("a");
    let group = || PolicyTarget::ThingGroup("a".to_owned());
    let name = || "a".to_owned();
    let setup: Vec<Change> = [
        r#"{"putCertificate":{"id":"a","pem":"","status":"ACTIVE","mode":"DEFAULT","notBefore":0,"notAfter":0,"created":0,"modified":0,"customerVersion":1,"generationId":""}}"#,
        r#"{"putPolicy":{"name":"a","versions":{"1":{"document":"{}","created":0}},"defaultVersion":1,"lastVersion":1,"created":0,"modified":0,"generationId":""}}"#,
        r#"{"putThing":{"name":"a","id":"","version":1,"created":0}}"#,
        r#"{"putThingGroup":{"name":"a","id":"","version":1,"created":0}}"#,
        r#"{"attachPolicy":{"policy":"a","target":"cert/a"}}"#,
        r#"{"attachPolicy":{"policy":"a","target":"thinggroup/a"}}"#,
        r#"{"attachPrincipal":{"thing":"a","principal":"cert/a","type":"EXCLUSIVE_THING"}}"#,
        r#"{"addToThingGroup":{"group":"a","thing":"a"}}"#,
        r#"{"tag":{"resource":"policy/a","tags":{"k":"v"}}}"#,
        r#"{"tag":{"resource":"thinggroup/a","tags":{"k":"v"}}}"#,
    ]
    .map(|line| serde_json::from_str(line).unwrap())
    .to_vec();
    // Attached to the certificate, to the group, the thing's principal, the group's member, the tags.
    for (removal, expected) in [
        (Change::RemoveCertificate { id: name() }, [false, true, false, true, true, true]),
        (Change::RemovePolicy { name: name() }, [false, false, true, true, false, true]),
        (Change::RemoveThing { name: name() }, [true, true, false, false, true, true]),
        (Change::RemoveThingGroup { name: name() }, [true, false, true, false, true, false]),
        (Change::RemoveThing { name: "b".to_owned() }, [true; 6]),
    ] {
        let registry = registry(setup.iter().cloned().chain([removal.clone()]));
        let found = [
            registry.is_attached("a", &target()),
            registry.is_attached("a", &group()),
            registry.thing_principal("a", &certificate).is_some(),
            registry.things_in_group("a").next().is_some(),
            registry.tags("policy/a").is_some(),
            registry.tags("thinggroup/a").is_some(),
        ];
        assert_eq!(found, expected, "{removal:?}");
        check_indexes(&registry);
    }
}

#[test]
fn changes_that_do_not_fit_do_nothing() {
    for line in [
        r#"{"setCertificateStatus":{"id":"a","status":"ACTIVE","modified":0,"generationId":""}}"#,
        r#"{"attachPolicy":{"policy":"a","target":"cert/a"}}"#,
        r#"{"attachPolicy":{"policy":"a","target":"identity/a"}}"#,
        r#"{"attachPrincipal":{"thing":"a","principal":"identity/a","type":"NON_EXCLUSIVE_THING"}}"#,
        r#"{"addToThingGroup":{"group":"a","thing":"a"}}"#,
        r#"{"putThingGroup":{"name":"a","id":"","parent":"b","version":1,"created":0}}"#,
        r#"{"putThingGroup":{"name":"a","id":"","parent":"a","version":1,"created":0}}"#,
        r#"{"tag":{"resource":"policy/a","tags":{}}}"#,
        r#"{"untag":{"resource":"policy/a","keys":["a"]}}"#,
        r#"{"removeThing":{"name":"a"}}"#,
    ] {
        assert_eq!(registry([serde_json::from_str(line).unwrap()]), Registry::default(), "{line}");
    }
}

#[test]
fn names_of_principals_are_read_strictly() {
    for text in ["", "a", "cert", "thing/a", "CERT/a", "identity"] {
        assert!(text.parse::<Principal>().is_err(), "{text}");
        assert!(text.parse::<PolicyTarget>().is_err(), "{text}");
    }
    assert!("thinggroup/a".parse::<Principal>().is_err());
}

#[test]
fn a_group_with_groups_in_it_stays() {
    let lines = [
        r#"{"putThingGroup":{"name":"a","id":"","version":1,"created":0}}"#,
        r#"{"putThingGroup":{"name":"b","id":"","parent":"a","version":1,"created":0}}"#,
        r#"{"removeThingGroup":{"name":"a"}}"#,
    ];
    let registry = registry(lines.map(|line| serde_json::from_str(line).unwrap()));
    assert!(registry.thing_group("a").is_some());
    assert_eq!(registry.group_and_parents("b").count(), 2);
}
