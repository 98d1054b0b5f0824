import { Parameters } from './parameters';
import { AuthorizerSettings } from './settings';
import { ALARM_TOPIC_ARN, ARCHITECTURE, DOCS_URL, LOG_LEVEL, LOG_RETENTION_DAYS, MEMORY_SIZE, RESERVED_CONCURRENCY } from './shared-parameters';

const KEY = '^(-----BEGIN PUBLIC KEY-----[A-Za-z0-9+/=\\\\\\s]+-----END PUBLIC KEY-----[\\\\n\\s]*)?$';
const KEY_IN_PEM = { default: '', maxLength: 4096, pattern: KEY, expected: 'an RSA public key in PEM, at most 4096 characters', isHidden: true };
const SECRET_ARN = {
  default: '',
  pattern: '^(arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[\\w/+=.@-]+-[A-Za-z0-9]{6})?$',
  expected: 'the full ARN of a secret, with the six characters at its end',
};
const REGION = { default: '', pattern: '^([a-z]+(-[a-z]+)+-[0-9])?$', expected: 'the name of a Region' };

/** The limits of `JwtAuthorizer`: those of `template.yaml`, which the tests compare. */
export const AUTHORIZER: Parameters<AuthorizerSettings> = {
  limits: {
    architecture: ARCHITECTURE,
    memorySize: MEMORY_SIZE,
    provisionedConcurrency: { default: 0, minimum: 0 },
    reservedConcurrency: RESERVED_CONCURRENCY,
    deployment: {
      default: 'AllAtOnce',
      values: [
        'AllAtOnce', 'Canary10Percent5Minutes', 'Canary10Percent10Minutes', 'Canary10Percent15Minutes', 'Canary10Percent30Minutes',
        'Linear10PercentEvery1Minute',
      ],
    },
    authorizerName: { default: '', maxLength: 128, pattern: '^[\\w=,@-]*$', expected: 'at most 128 letters, digits and _=,@-' },
    authorizerStatus: { default: 'ACTIVE', values: ['ACTIVE', 'INACTIVE'] },
    tokenKeyName: { default: 'token', maxLength: 128, pattern: '^[a-zA-Z0-9_-]*$', expected: 'at most 128 letters, digits, _ and -' },
    tokenSigning: { default: false },
    signingPublicKey: KEY_IN_PEM,
    secondSigningPublicKey: KEY_IN_PEM,
    cacheForHttp: { default: false },
    domainName: { default: '', maxLength: 253, pattern: '^([A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)+)?$', expected: 'a domain name' },
    certificateArn: {
      default: '',
      pattern: '^(arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/[A-Za-z0-9-]+)?$',
      expected: 'the ARN of a certificate in ACM',
    },
    authenticationType: { default: 'CUSTOM_AUTH', values: ['CUSTOM_AUTH', 'CUSTOM_AUTH_X509', 'DEFAULT'] },
    applicationProtocol: { default: 'DEFAULT', values: ['DEFAULT', 'SECURE_MQTT', 'MQTT_WSS', 'HTTPS'] },
    allowAuthorizerOverride: { default: false },
    createKeysSecret: { default: false },
    keysSecretReplicaRegion: REGION,
    secondKeysSecretReplicaRegion: REGION,
    keysSecretArn: SECRET_ARN,
    keysSecretKmsKeyArn: {
      default: '',
      pattern: '^(arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+)?$',
      expected: 'the ARN of a KMS key',
    },
    revocationSecretArn: SECRET_ARN,
    logRetentionDays: LOG_RETENTION_DAYS,
    logLevel: LOG_LEVEL,
    systemLogLevel: { default: 'WARN', values: ['DEBUG', 'INFO', 'WARN'] },
    tracing: { default: 'PassThrough', values: ['PassThrough', 'Active'] },
    alarmTopicArn: ALARM_TOPIC_ARN,
    docsUrl: DOCS_URL,
    refusalAlarmPercent: { default: 50, minimum: 1, maximum: 100 },
    refusalAlarmCalls: { default: 5, minimum: 1 },
    durationAlarmMilliseconds: { default: 1000, minimum: 1, maximum: 5000 },
    keyAgeAlarmSeconds: { default: 3600, minimum: 60 },
    dashboard: { default: true },
  },
  rules: [
    { isBroken: (given) => given.tokenSigning && given.signingPublicKey === '', error: 'tokenSigning is true; give signingPublicKey' },
    { isBroken: (given) => given.tokenSigning && given.tokenKeyName === '', error: 'tokenSigning is true; give tokenKeyName' },
    { isBroken: (given) => !given.tokenSigning && given.signingPublicKey !== '', error: 'signingPublicKey is unused while tokenSigning is false' },
    {
      isBroken: (given) => !given.tokenSigning && given.secondSigningPublicKey !== '',
      error: 'secondSigningPublicKey is unused while tokenSigning is false',
    },
    {
      isBroken: (given) => given.domainName !== '' && given.certificateArn === '',
      error: 'domainName needs certificateArn, a certificate in ACM in this Region',
    },
    { isBroken: (given) => given.domainName === '' && given.certificateArn !== '', error: 'certificateArn does nothing without domainName' },
    {
      isBroken: (given) => given.domainName === '' && given.authenticationType !== 'CUSTOM_AUTH',
      error: 'authenticationType does nothing without domainName',
    },
    {
      isBroken: (given) => given.domainName === '' && given.applicationProtocol !== 'DEFAULT',
      error: 'applicationProtocol does nothing without domainName',
    },
    {
      isBroken: (given) => given.domainName === '' && given.allowAuthorizerOverride,
      error: 'allowAuthorizerOverride does nothing without domainName',
    },
    {
      isBroken: (given) => given.authenticationType === 'CUSTOM_AUTH_X509' && !['SECURE_MQTT', 'HTTPS'].includes(given.applicationProtocol),
      error: 'applicationProtocol: CUSTOM_AUTH_X509 works with the protocols SECURE_MQTT and HTTPS alone',
    },
    { isBroken: (given) => given.createKeysSecret && given.keysSecretArn !== '', error: 'either createKeysSecret or keysSecretArn, not both' },
    {
      isBroken: (given) => !given.createKeysSecret && given.keysSecretReplicaRegion !== '',
      error: 'keysSecretReplicaRegion needs createKeysSecret',
    },
    {
      isBroken: (given) => !given.createKeysSecret && given.secondKeysSecretReplicaRegion !== '',
      error: 'secondKeysSecretReplicaRegion needs createKeysSecret',
    },
    {
      isBroken: (given) => given.secondKeysSecretReplicaRegion !== '' && given.keysSecretReplicaRegion === '',
      error: 'give keysSecretReplicaRegion before the second one',
    },
    {
      isBroken: (given) => given.secondKeysSecretReplicaRegion !== '' && given.keysSecretReplicaRegion === given.secondKeysSecretReplicaRegion,
      error: 'keysSecretReplicaRegion and secondKeysSecretReplicaRegion: both replicas are in one Region',
    },
    {
      isBroken: (given) => given.keysSecretKmsKeyArn !== '' && !given.createKeysSecret && given.keysSecretArn === '',
      error: 'keysSecretKmsKeyArn needs createKeysSecret or keysSecretArn',
    },
    {
      isBroken: (given) => given.reservedConcurrency === 0 && given.provisionedConcurrency !== 0,
      error: 'reservedConcurrency 0 leaves none for provisionedConcurrency',
    },
  ],
};
