import { Aws, CfnDeletionPolicy, aws_secretsmanager as secretsmanager } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { ROLE_PATH } from './authorizer-rights';
import { AuthorizerSettings } from './settings';

/**
 * A secret for the issuers' public keys, without a value. Only reading is denied, so that an administrator can still
 * write and can change this policy. Readers are identified by path, not by ARN, since replicas have this policy too, and
 * functions of other Regions have roles of other names.
 */
export function keysSecret(scope: Construct, given: AuthorizerSettings): secretsmanager.CfnSecret {
  const replicas = [given.keysSecretReplicaRegion, given.secondKeysSecretReplicaRegion].filter((region) => region !== '');
  // `secretsmanager.Secret` would generate a value.
  const secret = new secretsmanager.CfnSecret(scope, 'KeysSecret', {
    description: 'Public keys of the token issuers, read by iot-jwt-authorizer. Anyone who can write them can let any token pass.',
    kmsKeyId: given.keysSecretKmsKeyArn === '' ? undefined : given.keysSecretKmsKeyArn,
    replicaRegions: replicas.length === 0 ? undefined : replicas.map((region) => ({ region })),
  });
  // A deleted secret can be restored for 30 days.
  secret.cfnOptions.deletionPolicy = CfnDeletionPolicy.DELETE;
  secret.cfnOptions.updateReplacePolicy = CfnDeletionPolicy.RETAIN;
  new secretsmanager.CfnResourcePolicy(scope, 'KeysSecretPolicy', {
    secretId: secret.ref,
    blockPublicPolicy: true,
    resourcePolicy: {
      Version: '2012-10-17',
      Statement: [{
        Sid: 'OnlyAuthorizersRead',
        Effect: 'Deny',
        Principal: '*',
        Action: 'secretsmanager:GetSecretValue',
        // The secret with this policy.
        Resource: '*',
        Condition: { ArnNotLike: { 'aws:PrincipalArn': `arn:${Aws.PARTITION}:iam::${Aws.ACCOUNT_ID}:role${ROLE_PATH}*` } },
      }],
    },
  });
  return secret;
}
