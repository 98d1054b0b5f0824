import { Aws, aws_iam as iam } from 'aws-cdk-lib';
import { Construct } from 'constructs';

/** A statement of an IAM policy, as CloudFormation has it. */
export interface Statement {
  readonly Effect: string;
  readonly Action: string | string[];
  readonly Resource: string | string[];
  readonly Condition?: object;
}

export function allow(actions: string | string[], resources: string | string[], condition?: object): Statement {
  return { Effect: 'Allow', Action: actions, Resource: resources, ...(condition && { Condition: condition }) };
}

export function policy(policyName: string, ...statements: Statement[]): iam.CfnRole.PolicyProperty {
  return { policyName, policyDocument: { Version: '2012-10-17', Statement: statements } };
}

/** The permission to write one log. */
export function logPolicy(logGroupArn: string): iam.CfnRole.PolicyProperty {
  return policy('log', allow(['logs:CreateLogStream', 'logs:PutLogEvents'], logGroupArn));
}

/** What a role of these constructs may have. */
export interface RoleProps {
  readonly path?: string;
  readonly policies?: iam.CfnRole.PolicyProperty[];
  /** The name of a managed policy of AWS. */
  readonly managedPolicy?: string;
  /** A condition on who takes the role. */
  readonly condition?: object;
}

/**
 * A role that a service takes, with exactly these permissions. It is a plain resource, so that neither the methods of
 * `iam.Role` nor the feature flags of an app add or merge statements.
 */
export function serviceRole(scope: Construct, id: string, service: string, props: RoleProps): iam.CfnRole {
  const statement = { Effect: 'Allow', Principal: { Service: service }, Action: 'sts:AssumeRole' };
  return new iam.CfnRole(scope, id, {
    path: props.path,
    assumeRolePolicyDocument: {
      Version: '2012-10-17',
      Statement: [{ ...statement, ...(props.condition && { Condition: props.condition }) }],
    },
    policies: props.policies,
    managedPolicyArns: props.managedPolicy === undefined ? undefined : [`arn:${Aws.PARTITION}:iam::aws:policy/service-role/${props.managedPolicy}`],
  });
}

/** The role for a function of `lambda.Function`, which adds no permission to it. */
export function immutable(role: iam.CfnRole): iam.IRole {
  return iam.Role.fromRoleArn(role, 'Immutable', role.attrArn, { mutable: false });
}
