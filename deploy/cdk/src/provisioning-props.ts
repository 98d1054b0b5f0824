import { aws_lambda as lambda, aws_logs as logs } from 'aws-cdk-lib';

/**
 * Properties of `Provisioning`: the parameters of `provision/template.yaml`, and the code. `docs/deploy-provision.md`
 * explains each parameter. An empty text is the same as none.
 */
export interface ProvisioningProps {
  /**
   * The package of `cargo local package --provision`: `lambda.Code.fromAsset` with the path of the zip, or an object in
   * S3. It must match the architecture.
   */
  readonly code: lambda.Code;

  /**
   * The processor architecture. Must match the package.
   * @default arm64
   */
  readonly architecture?: lambda.Architecture;

  /**
   * In MB, of each function, from 128 to 3008. More memory gives more processor.
   * @default 256
   */
  readonly memorySize?: number;

  /**
   * Maximum number of concurrent calls of `jitr`, and of `claim`. Further events wait in Lambda's queue. -1 sets no limit;
   * 0 stops both.
   * @default -1
   */
  readonly reservedConcurrency?: number;

  /**
   * How many days the logs are kept.
   * @default 30
   */
  readonly logRetentionDays?: logs.RetentionDays;

  /**
   * The least level of the functions' lines: TRACE to ERROR. Above INFO, lines of provisioned devices and their metrics
   * are lost.
   * @default INFO
   */
  readonly logLevel?: lambda.ApplicationLogLevel;

  /**
   * The id of a CA certificate with an `[[authority]]` in `provision.toml`. Without it there is no function `jitr`.
   * @default none
   */
  readonly authorityId?: string;

  /**
   * A second one, for a rotation.
   * @default none
   */
  readonly secondAuthorityId?: string;

  /**
   * The topic filter `request` of the `[[bootstrap]]` in `provision.toml`. Without it there is no function `claim`.
   * @default none
   */
  readonly bootstrapRequest?: string;

  /**
   * The number of the level `+` in `bootstrapRequest`, from 1 to 8.
   * @default 2
   */
  readonly bootstrapIdLevel?: number;

  /**
   * The topic `response` of the `[[bootstrap]]`, with `*` instead of `${id}`.
   * @default the response to each id below `bootstrap`
   */
  readonly bootstrapResponse?: string;

  /**
   * The name of the `[[template]]` in `provision.toml`. Without it there is neither template nor function `hook`.
   * @default none
   */
  readonly fleetTemplateName?: string;

  /**
   * The name of a template for just-in-time provisioning. Without it there is no such template.
   * @default none
   */
  readonly jitpTemplateName?: string;

  /**
   * An existing AWS IoT policy, which both templates attach. The functions attach those of `provision.toml`.
   * @default device
   */
  readonly devicePolicyName?: string;

  /**
   * The table of `expected = "dynamodb:TABLE"` in `provision.toml`.
   * @default none
   */
  readonly tableName?: string;

  /**
   * Whether the construct creates the table. It remains after the stack.
   * @default false
   */
  readonly createTable?: boolean;

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
   * Denials of a function in five minutes from which on its alarm fires.
   * @default 10
   */
  readonly denialAlarmCount?: number;
}
