import { Aws, aws_iam as iam } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { allow, logPolicy, policy, serviceRole } from './policies';
import { ProvisioningSettings } from './settings';

/** The condition that AWS IoT takes a role for this account alone. */
const THIS_ACCOUNT = { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID } };
const CERTIFICATES = arn('iot', 'cert/*');
const THINGS = arn('iot', 'thing/*');

/** What the role of a function is for. */
export interface FunctionRights {
  readonly logGroupArn: string;
  /** The ARN of the dead-letter queue. `hook` has none. */
  readonly queueArn?: string;
}

/** The ARN of a resource of this account and Region. */
export function arn(service: string, resource: string): string {
  return `arn:${Aws.PARTITION}:${service}:${Aws.REGION}:${Aws.ACCOUNT_ID}:${resource}`;
}

/**
 * The role of `jitr`: exactly the calls of its function. Ids of certificates and names of things are unknown before a
 * device connects, so resources end with `*` where they name one.
 */
export function jitrRole(scope: Construct, given: ProvisioningSettings, rights: FunctionRights): iam.CfnRole {
  return functionRole(scope, 'JitrRole', rights, [devices(), ...failedEvents(rights), ...table(given)]);
}

/** The role of `claim`: exactly the calls of its function. */
export function claimRole(scope: Construct, given: ProvisioningSettings, rights: FunctionRights): iam.CfnRole {
  const certificates = policy(
    'certificates',
    // AWS IoT supports no narrower resource for this action.
    allow('iot:CreateCertificateFromCsr', '*'),
    allow('iot:DeleteCertificate', CERTIFICATES),
  );
  const response = policy('response', allow('iot:Publish', arn('iot', `topic/${given.bootstrapResponse}`)));
  return functionRole(scope, 'ClaimRole', rights, [devices(), certificates, response, ...failedEvents(rights), ...table(given)]);
}

/** The role of `hook`, which asks for the certificate that the table has for a serial number. */
export function hookRole(scope: Construct, given: ProvisioningSettings, rights: FunctionRights): iam.CfnRole {
  const certificates = given.tableName === '' ? [] : [policy('certificates', allow('iot:DescribeCertificate', CERTIFICATES))];
  return functionRole(scope, 'HookRole', rights, [...certificates, ...table(given)]);
}

/** The role of the rules: what a rule does when it cannot invoke its function. */
export function ruleRole(scope: Construct, queueArn: string): iam.CfnRole {
  return serviceRole(scope, 'RuleRole', 'iot.amazonaws.com', { policies: failedEvents({ queueArn }), condition: THIS_ACCOUNT });
}

/** The role of both templates. AWS documents this policy for it, and no narrower one. */
export function provisioningRole(scope: Construct): iam.CfnRole {
  return serviceRole(scope, 'ProvisioningRole', 'iot.amazonaws.com', { managedPolicy: 'AWSIoTThingsRegistration', condition: THIS_ACCOUNT });
}

function functionRole(scope: Construct, id: string, rights: FunctionRights, policies: iam.CfnRole.PolicyProperty[]): iam.CfnRole {
  return serviceRole(scope, id, 'lambda.amazonaws.com', { policies: [logPolicy(rights.logGroupArn), ...policies] });
}

function devices(): iam.CfnRole.PolicyProperty {
  return policy(
    'devices',
    allow(['iot:DescribeCertificate', 'iot:UpdateCertificate', 'iot:AttachPolicy'], CERTIFICATES),
    allow(['iot:DescribeThing', 'iot:CreateThing', 'iot:UpdateThing', 'iot:ListThingPrincipals'], THINGS),
    // AWS documents the certificate as resource, and its own policies for devices name the thing, too.
    allow(['iot:AttachThingPrincipal', 'iot:DetachThingPrincipal'], [CERTIFICATES, THINGS]),
  );
}

function failedEvents(rights: Pick<FunctionRights, 'queueArn'>): iam.CfnRole.PolicyProperty[] {
  return rights.queueArn === undefined ? [] : [policy('failed-events', allow('sqs:SendMessage', rights.queueArn))];
}

function table(given: ProvisioningSettings): iam.CfnRole.PolicyProperty[] {
  const actions = ['dynamodb:GetItem', 'dynamodb:UpdateItem'];
  return given.tableName === '' ? [] : [policy('table', allow(actions, arn('dynamodb', `table/${given.tableName}`)))];
}
