import {
  Duration, RemovalPolicy, aws_cloudwatch as cloudwatch, aws_codedeploy as codedeploy, aws_iam as iam, aws_lambda as lambda, aws_logs as logs,
} from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { serviceRole } from './policies';
import { AuthorizerSettings } from './settings';

/** What the function is made of, next to its settings. */
export interface FunctionParts {
  readonly code: lambda.Code;
  readonly role: iam.IRole;
  readonly logGroup: logs.LogGroup;
  /** Empty without a secret. */
  readonly keysSecretArn: string;
}

/** The function. Each change of its code or of a setting that a version has publishes a version. */
export function authorizerFunction(scope: Construct, given: AuthorizerSettings, parts: FunctionParts): lambda.Function {
  const secrets = Object.entries({ KEYS_SECRET: parts.keysSecretArn, REVOCATION_SECRET: given.revocationSecretArn });
  return new lambda.Function(scope, 'AuthorizerFunction', {
    code: parts.code,
    handler: 'bootstrap',
    runtime: lambda.Runtime.PROVIDED_AL2023,
    architecture: lambda.Architecture.custom(given.architecture),
    memorySize: given.memorySize,
    // The time that AWS IoT waits.
    timeout: Duration.seconds(5),
    role: parts.role,
    environment: Object.fromEntries(secrets.filter(([, arn]) => arn !== '')),
    logGroup: parts.logGroup,
    loggingFormat: lambda.LoggingFormat.JSON,
    applicationLogLevelV2: given.logLevel as lambda.ApplicationLogLevel,
    systemLogLevelV2: given.systemLogLevel as lambda.SystemLogLevel,
    tracing: given.tracing as lambda.Tracing,
    reservedConcurrentExecutions: given.reservedConcurrency === -1 ? undefined : given.reservedConcurrency,
    // An earlier version stays, so that the alias can go back to it.
    currentVersionOptions: { removalPolicy: RemovalPolicy.RETAIN },
  });
}

/** The alias of the newest version, which AWS IoT calls. */
export function liveAlias(scope: Construct, given: AuthorizerSettings, published: lambda.Function): lambda.Alias {
  return new lambda.Alias(scope, 'AuthorizerFunctionAliaslive', {
    aliasName: 'live',
    version: published.currentVersion,
    provisionedConcurrentExecutions: given.provisionedConcurrency === 0 ? undefined : given.provisionedConcurrency,
  });
}

/** Lets CodeDeploy move the alias step by step, and back if one of these alarms fires. */
export function deployGradually(scope: Construct, given: AuthorizerSettings, alias: lambda.Alias, alarms: cloudwatch.CfnAlarm[]): void {
  const role = serviceRole(scope, 'DeploymentRole', 'codedeploy.amazonaws.com', { managedPolicy: 'AWSCodeDeployRoleForLambdaLimited' });
  const application = new codedeploy.CfnApplication(scope, 'ServerlessDeploymentApplication', { computePlatform: 'Lambda' });
  const group = new codedeploy.CfnDeploymentGroup(scope, 'AuthorizerFunctionDeploymentGroup', {
    applicationName: application.ref,
    serviceRoleArn: role.attrArn,
    deploymentConfigName: `CodeDeployDefault.Lambda${given.deployment}`,
    deploymentStyle: { deploymentType: 'BLUE_GREEN', deploymentOption: 'WITH_TRAFFIC_CONTROL' },
    autoRollbackConfiguration: { enabled: true, events: ['DEPLOYMENT_FAILURE', 'DEPLOYMENT_STOP_ON_ALARM', 'DEPLOYMENT_STOP_ON_REQUEST'] },
    alarmConfiguration: { enabled: true, alarms: alarms.map((alarm) => ({ name: alarm.ref })) },
  });
  const resource = alias.node.defaultChild as lambda.CfnAlias;
  resource.cfnOptions.updatePolicy = {
    codeDeployLambdaAliasUpdate: { applicationName: application.ref, deploymentGroupName: group.ref },
  };
}
