import { CfnOutput, Stack, aws_iam as iam, aws_lambda as lambda, aws_sqs as sqs } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { retainedLogs } from './logs';
import { validSettings } from './parameters';
import { immutable } from './policies';
import { denialsAlarm, failedEventsAlarm, hookAlarms } from './provisioning-alarms';
import { devicesTable, failedEventsQueue, permission, provisioningFunction, rule } from './provisioning-functions';
import { PROVISIONING } from './provisioning-parameters';
import { ProvisioningProps } from './provisioning-props';
import { FunctionRights, arn, claimRole, hookRole, jitrRole, provisioningRole, ruleRole } from './provisioning-rights';
import { fleetTemplate, jitpTemplate } from './provisioning-templates';
import { ProvisioningSettings } from './settings';

type RoleMaker = (scope: Construct, given: ProvisioningSettings, rights: FunctionRights) => iam.CfnRole;

/** Where events go that fail. */
interface Failures {
  readonly queue: sqs.Queue;
  readonly role: iam.CfnRole;
}

/**
 * The functions that bring devices into AWS IoT Core, with their rules, templates, roles, logs and alarms: the resources
 * and rights of `provision/template.yaml`.
 */
export class Provisioning extends Construct {
  /** The function `jitr`, if `authorityId` is given. */
  public readonly jitrFunction?: lambda.Function;
  /** The function `claim`, if `bootstrapRequest` is given. */
  public readonly claimFunction?: lambda.Function;
  /** The function `hook`, if `fleetTemplateName` is given. */
  public readonly hookFunction?: lambda.Function;
  /** The dead-letter queue, if there is `jitr` or `claim`. */
  public readonly failedEvents?: sqs.Queue;
  /** The name of the template of fleet provisioning, if there is one. */
  public readonly fleetTemplateName?: string;
  /** The name of the template for the registration of a CA certificate, if there is one. */
  public readonly jitpTemplateName?: string;
  /** The name of the table of expected devices, if there is one. */
  public readonly tableName?: string;

  private readonly code: lambda.Code;
  private readonly settings: ProvisioningSettings;

  /**
   * Creates the resources.
   *
   * @throws an error that lists every property outside its limits or, if all are within, every contradiction
   */
  constructor(scope: Construct, id: string, props: ProvisioningProps) {
    const given = validSettings(scope, id, { ...props, architecture: props.architecture?.name }, PROVISIONING);
    super(scope, id);
    this.settings = given;
    this.code = props.code;
    if (given.authorityId !== '' || given.bootstrapRequest !== '') {
      const queue = failedEventsQueue(this);
      const failures = { queue, role: ruleRole(this, queue.queueArn) };
      this.failedEvents = queue;
      failedEventsAlarm(this, given, queue);
      this.jitrFunction = given.authorityId === '' ? undefined : this.jitr(failures);
      this.claimFunction = given.bootstrapRequest === '' ? undefined : this.claim(failures);
    }
    const templates = given.fleetTemplateName !== '' || given.jitpTemplateName !== '' ? provisioningRole(this) : undefined;
    if (templates && given.fleetTemplateName !== '') {
      this.hookFunction = this.function('Hook', hookRole);
      this.fleetTemplateName = this.fleet(templates, this.hookFunction);
    }
    if (templates && given.jitpTemplateName !== '') {
      this.jitpTemplateName = jitpTemplate(this, given, templates).ref;
    }
    if (given.tableName !== '') {
      this.tableName = given.createTable ? devicesTable(this, given.tableName).ref : given.tableName;
    }
  }

  /** Adds the outputs of `provision/template.yaml` to the stack, by the same names. At most one construct of a stack can do so. */
  public addOutputs(): void {
    const outputs = {
      JitrFunctionName: this.jitrFunction?.functionName,
      ClaimFunctionName: this.claimFunction?.functionName,
      HookFunctionName: this.hookFunction?.functionName,
      FailedEventsUrl: this.failedEvents?.queueUrl,
      FleetTemplateName: this.fleetTemplateName,
      JitpTemplateName: this.jitpTemplateName,
      TableName: this.tableName,
    };
    for (const [name, value] of Object.entries(outputs)) {
      if (value !== undefined) {
        new CfnOutput(Stack.of(this), name, { value });
      }
    }
  }

  /**
   * Registration at the first connect. There is one rule for each CA certificate, so that no event of another one invokes
   * the function. Only AWS IoT publishes to this topic, so the rule selects everything.
   */
  private jitr(failures: Failures): lambda.Function {
    const given = this.settings;
    const invoked = this.function('Jitr', jitrRole, failures.queue);
    const description = 'The first connect of a device invokes jitr.';
    const authorities = { Jitr: given.authorityId, SecondJitr: given.secondAuthorityId };
    for (const [name, authority] of Object.entries(authorities).filter(([, id]) => id !== '')) {
      rule(this, name, { description, sql: `SELECT * FROM '$aws/events/certificates/registered/${authority}'`, invoked, ...failures });
    }
    denialsAlarm(this, 'Jitr', 'First connects of devices are denied', given, invoked);
    return invoked;
  }

  /** Certificates for requests. The rule never selects `*`: the payload is the device's, and could have an `id` of its own. */
  private claim(failures: Failures): lambda.Function {
    const given = this.settings;
    const invoked = this.function('Claim', claimRole, failures.queue);
    const columns = `topic(${given.bootstrapIdLevel}) AS id, topic() AS topic, clientid() AS client_id, principal() AS principal, csr, secret`;
    const sql = `SELECT ${columns} FROM '${given.bootstrapRequest}'`;
    rule(this, 'Claim', { description: 'A request for a certificate invokes claim.', sql, invoked, ...failures });
    denialsAlarm(this, 'Claim', 'Requests for certificates are denied', given, invoked);
    return invoked;
  }

  /** Fleet provisioning, whose template asks the hook. Returns the name of the template. */
  private fleet(role: iam.CfnRole, hook: lambda.Function): string {
    const given = this.settings;
    const allowed = permission(this, 'HookPermission', hook, arn('iot', `provisioningtemplate/${given.fleetTemplateName}`));
    const template = fleetTemplate(this, given, role, { functionArn: hook.functionArn, permission: allowed });
    denialsAlarm(this, 'Hook', 'Devices with a claim are denied', given, hook);
    hookAlarms(this, given, hook);
    return template.ref;
  }

  private function(name: string, makeRole: RoleMaker, queue?: sqs.Queue): lambda.Function {
    const logGroup = retainedLogs(this, `${name}Logs`, this.settings.logRetentionDays);
    const role = immutable(makeRole(this, this.settings, { logGroupArn: logGroup.logGroupArn, queueArn: queue?.queueArn }));
    return provisioningFunction(this, name, this.settings, { code: this.code, role, logGroup, queue });
  }
}
