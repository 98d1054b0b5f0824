import { Aws, Fn, aws_iam as iam } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { allow, logPolicy, policy, serviceRole } from './policies';
import { AuthorizerSettings } from './settings';

/** The path of the function's role. The secret's policy identifies its readers by it. */
export const ROLE_PATH = `/iot-jwt-authorizer/${Aws.STACK_NAME}/`;

/** A role that may only write its own log, read its own secrets and, if the function is traced, send traces. */
export function authorizerRole(scope: Construct, given: AuthorizerSettings, logGroupArn: string, keysSecretArn: string): iam.CfnRole {
  const policies = [logPolicy(logGroupArn)];
  if (keysSecretArn !== '') {
    policies.push(policy('keys', allow('secretsmanager:GetSecretValue', keysSecretArn)));
  }
  if (keysSecretArn !== '' && given.keysSecretKmsKeyArn !== '') {
    policies.push(policy('key-of-keys', allow('kms:Decrypt', given.keysSecretKmsKeyArn, throughSecretsManager(given))));
  }
  if (given.tracing === 'Active') {
    // X-Ray supports no narrower resource for these actions.
    policies.push(policy('traces', allow(['xray:PutTraceSegments', 'xray:PutTelemetryRecords'], '*')));
  }
  if (given.revocationSecretArn !== '') {
    policies.push(policy('revocation', allow('secretsmanager:GetSecretValue', given.revocationSecretArn)));
  }
  return serviceRole(scope, 'AuthorizerRole', 'lambda.amazonaws.com', { path: ROLE_PATH, policies });
}

/** The condition that only Secrets Manager of the secret's Region uses the key. */
function throughSecretsManager(given: AuthorizerSettings): object {
  const region = given.keysSecretArn === '' ? Aws.REGION : Fn.select(3, Fn.split(':', given.keysSecretArn));
  return { StringEquals: { 'kms:ViaService': `secretsmanager.${region}.${Aws.URL_SUFFIX}` } };
}
