// The patterns as data. docs/patterns.md has the sources.

/** `demo` is the name in `cargo local demo NAME`. `here` is what the browser itself can do. */
export const PATTERNS = [
  {
    demo: "jwt", title: "Token: custom authorizer", who: "a user or a service with a JWT",
    use: "Users and services that already have a token. Permissions follow tenant, role and device list; several issuers work at once.",
    not: "Devices without a clock, or devices that must connect while the issuer is down for longer than a token's lifetime.",
    steps: "token → authorizer → policy → publish, subscribe",
    docs: "patterns.md", here: "Sign in and connect in this browser",
  },
  {
    demo: "cognito", title: "Cognito identity with SigV4", who: "a user with AWS credentials for an hour",
    use: "Apps that use S3, DynamoDB and similar services with the same credentials, or shadows and retained messages over HTTPS.",
    not: "MQTT over TLS, which has no place for a signature, and clients whose clock is off by more than five minutes.",
    steps: "login → identity → credentials → signature → connect",
    docs: "cognito.md", here: "Sign in, then choose Cognito identity in step 3",
  },
  {
    demo: "kitting", title: "Device certificate, by kitting", who: "a device with its own key",
    use: "The strongest identity: the key never leaves the device, thing variables work in policies, and a certificate can be revoked.",
    not: "Users, and factories that cannot put a key into each device safely.",
    steps: "register → connect → deactivate",
    docs: "devices.md",
  },
  {
    demo: "jitr", title: "Just-in-time registration (JITR)", who: "a device with a certificate of your CA",
    use: "Many devices that are not listed at AWS, and a decision that needs code, such as a list or a database.",
    not: "Devices that try once and give up: the first connect always fails.",
    steps: "first connect → function → second connect",
    docs: "provision.md",
  },
  {
    demo: "jitp", title: "Just-in-time provisioning (JITP)", who: "a device with a certificate of your CA",
    use: "Provisioning that a template can express: thing, policy and certificate come from the certificate's subject.",
    not: "Decisions about a single device: there is no hook that could deny it.",
    steps: "first connect → template → second connect",
    docs: "jitp.md",
  },
  {
    demo: "fleet", title: "Fleet provisioning", who: "a device without an identity, with a shared claim",
    use: "Factories that cannot handle a secret for each device, and devices that an installer's app sets up.",
    not: "Devices that anyone can buy and open, unless the hook knows a secret of each.",
    steps: "claim → request → hook → thing → connect",
    docs: "devices.md",
  },
  {
    demo: "bootstrap", title: "Bootstrap topic", who: "a device with a shared credential",
    use: "Exchanges that fleet provisioning cannot express, and devices that an app introduces.",
    not: "Devices that fleet provisioning can serve: it is AWS's own, and has a hook.",
    steps: "request with CSR → rule → function → certificate → connect",
    docs: "provision.md",
  },
  {
    demo: "regions", title: "Two Regions", who: "clients of an endpoint that must stay available",
    use: "Back ends that run in two Regions themselves: the same authorizer in each, with one name in front.",
    not: "Clients that exchange messages across Regions, and SigV4 clients: a signature names one Region, so DNS cannot move them.",
    steps: "connect → one Region fails → connect to the other",
    docs: "regions.md",
  },
];
