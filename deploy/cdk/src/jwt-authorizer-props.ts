import { aws_lambda as lambda, aws_logs as logs } from 'aws-cdk-lib';

/** How a new version takes over. All values but `ALL_AT_ONCE` use CodeDeploy, and the alarms roll them back. */
export enum Deployment {
  /** At once, without CodeDeploy. */
  ALL_AT_ONCE = 'AllAtOnce',
  /** A tenth of the calls for 5 minutes, then all. */
  CANARY_10PERCENT_5MINUTES = 'Canary10Percent5Minutes',
  /** A tenth of the calls for 10 minutes, then all. */
  CANARY_10PERCENT_10MINUTES = 'Canary10Percent10Minutes',
  /** A tenth of the calls for 15 minutes, then all. */
  CANARY_10PERCENT_15MINUTES = 'Canary10Percent15Minutes',
  /** A tenth of the calls for 30 minutes, then all. */
  CANARY_10PERCENT_30MINUTES = 'Canary10Percent30Minutes',
  /** Another tenth of the calls each minute. */
  LINEAR_10PERCENT_EVERY_1MINUTE = 'Linear10PercentEvery1Minute',
}

/** Whether AWS IoT uses the authorizer. */
export enum AuthorizerStatus {
  /** AWS IoT calls the function. */
  ACTIVE = 'ACTIVE',
  /** AWS IoT denies each client of the authorizer. */
  INACTIVE = 'INACTIVE',
}

/** What a client of the domain presents. */
export enum AuthenticationType {
  /** A token. */
  CUSTOM_AUTH = 'CUSTOM_AUTH',
  /** A token and a client certificate. Needs the protocol `SECURE_MQTT` or `HTTPS`. */
  CUSTOM_AUTH_X509 = 'CUSTOM_AUTH_X509',
  /** Port and ALPN decide. */
  DEFAULT = 'DEFAULT',
}

/** The protocol of the domain. */
export enum ApplicationProtocol {
  /** Port and ALPN decide. */
  DEFAULT = 'DEFAULT',
  /** MQTT over TLS. */
  SECURE_MQTT = 'SECURE_MQTT',
  /** MQTT over WebSocket. */
  MQTT_WSS = 'MQTT_WSS',
  /** HTTPS. */
  HTTPS = 'HTTPS',
}

/**
 * Properties of `JwtAuthorizer`: the parameters of `template.yaml`, and the code. `docs/deploy.md` explains each
 * parameter. An empty text is the same as none.
 */
export interface JwtAuthorizerProps {
  /**
   * The package of `cargo local package`: `lambda.Code.fromAsset` with the path of the zip, or an object in S3. It must
   * match the architecture.
   */
  readonly code: lambda.Code;

  /**
   * The processor architecture. Must match the package.
   * @default arm64
   */
  readonly architecture?: lambda.Architecture;

  /**
   * In MB, from 128 to 3008. More memory gives more processor; the function itself needs less than 10.
   * @default 256
   */
  readonly memorySize?: number;

  /**
   * Number of sandboxes kept warm, charged by the hour. 0 disables it.
   * @default 0
   */
  readonly provisionedConcurrency?: number;

  /**
   * Maximum number of concurrent calls, reserved from the account's. -1 sets no limit; 0 denies every client.
   * @default -1
   */
  readonly reservedConcurrency?: number;

  /**
   * How a new version takes over.
   * @default AllAtOnce
   */
  readonly deployment?: Deployment;

  /**
   * The authorizer name that clients send, at most 128 characters. If not given, CloudFormation chooses one.
   * @default none
   */
  readonly authorizerName?: string;

  /**
   * Whether AWS IoT uses the authorizer.
   * @default ACTIVE
   */
  readonly authorizerStatus?: AuthorizerStatus;

  /**
   * The header, query parameter or user-name parameter that holds the token. Empty sets none.
   * @default token
   */
  readonly tokenKeyName?: string;

  /**
   * Whether AWS IoT checks an RS256 signature before it calls the function. A change replaces the authorizer.
   * @default false
   */
  readonly tokenSigning?: boolean;

  /**
   * RSA public key in PEM, at least 2048 bits. Line ends may be written as `\n`.
   * @default none
   */
  readonly signingPublicKey?: string;

  /**
   * A second key, for a rotation.
   * @default none
   */
  readonly secondSigningPublicKey?: string;

  /**
   * Whether AWS IoT caches responses for HTTPS publishes. A response can then outlive its token.
   * @default false
   */
  readonly cacheForHttp?: boolean;

  /**
   * A custom domain, whose default authorizer this is.
   * @default none
   */
  readonly domainName?: string;

  /**
   * The domain's certificate in ACM, in this Region.
   * @default none
   */
  readonly certificateArn?: string;

  /**
   * What a client of the domain presents.
   * @default CUSTOM_AUTH
   */
  readonly authenticationType?: AuthenticationType;

  /**
   * The protocol of the domain.
   * @default DEFAULT
   */
  readonly applicationProtocol?: ApplicationProtocol;

  /**
   * Whether a client may name another authorizer on this domain.
   * @default false
   */
  readonly allowAuthorizerOverride?: boolean;

  /**
   * Whether the construct creates a secret for the issuers' public keys.
   * @default false
   */
  readonly createKeysSecret?: boolean;

  /**
   * The Region of a replica of the created secret.
   * @default none
   */
  readonly keysSecretReplicaRegion?: string;

  /**
   * The Region of a second replica.
   * @default none
   */
  readonly secondKeysSecretReplicaRegion?: string;

  /**
   * The full ARN of an existing secret, for example a replica.
   * @default none
   */
  readonly keysSecretArn?: string;

  /**
   * The secret's own KMS key, if it has one.
   * @default none
   */
  readonly keysSecretKmsKeyArn?: string;

  /**
   * The full ARN of the secret with the revocation list.
   * @default none
   */
  readonly revocationSecretArn?: string;

  /**
   * How many days the log is kept.
   * @default 30
   */
  readonly logRetentionDays?: logs.RetentionDays;

  /**
   * The least level of the function's lines: TRACE to ERROR. Above INFO, lines of allowed requests and their metrics are
   * lost.
   * @default INFO
   */
  readonly logLevel?: lambda.ApplicationLogLevel;

  /**
   * The least level of Lambda's own lines. INFO adds two to each call.
   * @default WARN
   */
  readonly systemLogLevel?: lambda.SystemLogLevel;

  /**
   * `ACTIVE` sends traces to X-Ray. `DISABLED` is not supported.
   * @default PassThrough
   */
  readonly tracing?: lambda.Tracing;

  /**
   * An SNS topic that receives alarms. Without one they are only displayed.
   * @default none
   */
  readonly alarmTopicArn?: string;

  /**
   * The address of your copy of the folder `docs/`. The alarms' descriptions link to its pages.
   * @default docs
   */
  readonly docsUrl?: string;

  /**
   * The share of denials in percent, from 1 to 100, at which the alarm Refusals fires.
   * @default 50
   */
  readonly refusalAlarmPercent?: number;

  /**
   * Minutes with fewer calls never fire the alarm Refusals.
   * @default 5
   */
  readonly refusalAlarmCalls?: number;

  /**
   * The 99th percentile that counts as slow, in milliseconds, from 1 to 5000.
   * @default 1000
   */
  readonly durationAlarmMilliseconds?: number;

  /**
   * In seconds, from 60. Above refresh_seconds of each issuer, below its max_stale_seconds.
   * @default 3600
   */
  readonly keyAgeAlarmSeconds?: number;

  /**
   * Whether there is a dashboard.
   * @default true
   */
  readonly dashboard?: boolean;
}
