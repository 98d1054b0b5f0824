import {
  Aws, CfnDeletionPolicy, Duration, aws_dynamodb as dynamodb, aws_iam as iam, aws_iot as iot, aws_lambda as lambda, aws_logs as logs, aws_sqs as sqs,
} from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { ProvisioningSettings } from './settings';

/** What a function of the package is made of. */
export interface FunctionParts {
  readonly code: lambda.Code;
  readonly role: iam.IRole;
  readonly logGroup: logs.LogGroup;
  /** The queue of failed events. Without it AWS IoT waits for the function. */
  readonly queue?: sqs.Queue;
}

/** A function. All have one package: the handler, which is the name in lower case, says which of them it is. */
export function provisioningFunction(scope: Construct, name: string, given: ProvisioningSettings, parts: FunctionParts): lambda.Function {
  const isWaitedFor = parts.queue === undefined;
  // Throttled calls are tried again within the function's minute, then by Lambda.
  const ofEvents = { deadLetterQueue: parts.queue, maxEventAge: Duration.hours(6), retryAttempts: 2 };
  return new lambda.Function(scope, `${name}Function`, {
    code: parts.code,
    handler: name.toLowerCase(),
    runtime: lambda.Runtime.PROVIDED_AL2023,
    architecture: lambda.Architecture.custom(given.architecture),
    memorySize: given.memorySize,
    timeout: Duration.seconds(isWaitedFor ? 5 : 60),
    role: parts.role,
    logGroup: parts.logGroup,
    loggingFormat: lambda.LoggingFormat.JSON,
    applicationLogLevelV2: given.logLevel as lambda.ApplicationLogLevel,
    systemLogLevelV2: lambda.SystemLogLevel.WARN,
    reservedConcurrentExecutions: isWaitedFor || given.reservedConcurrency === -1 ? undefined : given.reservedConcurrency,
    ...(isWaitedFor ? {} : ofEvents),
  });
}

/** Lets AWS IoT invoke a function, for one rule or template of this account. */
export function permission(scope: Construct, id: string, invoked: lambda.Function, sourceArn: string): lambda.CfnPermission {
  const common = { action: 'lambda:InvokeFunction', principal: 'iot.amazonaws.com', sourceAccount: Aws.ACCOUNT_ID };
  return new lambda.CfnPermission(scope, id, { ...common, functionName: invoked.functionArn, sourceArn });
}

/** A rule that invokes a function, and what happens when it cannot. */
export interface RuleParts {
  readonly description: string;
  readonly sql: string;
  readonly invoked: lambda.Function;
  readonly queue: sqs.Queue;
  readonly role: iam.CfnRole;
}

/** A rule of AWS IoT, and its permission. */
export function rule(scope: Construct, name: string, parts: RuleParts): void {
  const created = new iot.CfnTopicRule(scope, `${name}Rule`, {
    topicRulePayload: {
      description: parts.description,
      awsIotSqlVersion: '2016-03-23',
      sql: parts.sql,
      ruleDisabled: false,
      actions: [{ lambda: { functionArn: parts.invoked.functionArn } }],
      errorAction: { sqs: { queueUrl: parts.queue.queueUrl, roleArn: parts.role.attrArn, useBase64: false } },
    },
  });
  permission(scope, `${name}Permission`, parts.invoked, created.attrArn);
}

/**
 * The queue of events that failed three times, and of messages for which a rule could not invoke its function. A request
 * of bootstrap may have the device's secret, so the queue is encrypted; anyone who can read the queue can read those.
 */
export function failedEventsQueue(scope: Construct): sqs.Queue {
  const queue = new sqs.Queue(scope, 'FailedEvents', { encryption: sqs.QueueEncryption.SQS_MANAGED, retentionPeriod: Duration.days(14) });
  const resource = queue.node.defaultChild as sqs.CfnQueue;
  resource.cfnOptions.updateReplacePolicy = CfnDeletionPolicy.RETAIN;
  return queue;
}

/** The table of expected devices, which remains after the stack. */
export function devicesTable(scope: Construct, tableName: string): dynamodb.CfnTable {
  const table = new dynamodb.CfnTable(scope, 'DevicesTable', {
    tableName,
    billingMode: 'PAY_PER_REQUEST',
    attributeDefinitions: [{ attributeName: 'device', attributeType: 'S' }],
    keySchema: [{ attributeName: 'device', keyType: 'HASH' }],
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
  });
  table.cfnOptions.deletionPolicy = CfnDeletionPolicy.RETAIN_EXCEPT_ON_CREATE;
  table.cfnOptions.updateReplacePolicy = CfnDeletionPolicy.RETAIN;
  return table;
}
