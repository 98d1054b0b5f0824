import { Aws, CfnOutput, Stack, aws_iam as iam, aws_iot as iot, aws_lambda as lambda, aws_logs as logs } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { authorizerAlarms } from './authorizer-alarms';
import { authorizerFunction, deployGradually, liveAlias } from './authorizer-function';
import { AUTHORIZER } from './authorizer-parameters';
import { authorizerRole } from './authorizer-rights';
import { authorizerDashboard } from './dashboard';
import { JwtAuthorizerProps } from './jwt-authorizer-props';
import { keysSecret } from './keys-secret';
import { retainedLogs } from './logs';
import { validSettings } from './parameters';
import { immutable } from './policies';
import { AuthorizerSettings } from './settings';

/**
 * A custom authorizer for AWS IoT Core with its function, alias, role, log, alarms and dashboard: the resources and rights
 * of `template.yaml`.
 */
export class JwtAuthorizer extends Construct {
  /** The authorizer name for `x-amz-customauthorizer-name`. */
  public readonly authorizerName: string;
  /** The ARN of the authorizer. */
  public readonly authorizerArn: string;
  /** The function. Its role takes no further permissions. */
  public readonly authorizerFunction: lambda.Function;
  /** The alias that AWS IoT calls. */
  public readonly alias: lambda.Alias;
  /** The function's role, which does not change. */
  public readonly role: iam.IRole;
  /** The log of decisions. */
  public readonly logGroup: logs.ILogGroup;
  /** The ARN of the secret with the issuers' keys, if there is one. */
  public readonly keysSecretArn?: string;

  private readonly settings: AuthorizerSettings;
  private readonly dashboardName?: string;

  /**
   * Creates the resources.
   *
   * @throws an error that lists every property outside its limits or, if all are within, every contradiction
   */
  constructor(scope: Construct, id: string, props: JwtAuthorizerProps) {
    const given = validSettings(scope, id, { ...props, architecture: props.architecture?.name }, AUTHORIZER);
    super(scope, id);
    this.settings = given;
    const secret = given.createKeysSecret ? keysSecret(this, given) : undefined;
    const keysSecretArn = secret?.ref ?? given.keysSecretArn;
    const logGroup = retainedLogs(this, 'AuthorizerLogs', given.logRetentionDays);
    this.role = immutable(authorizerRole(this, given, logGroup.logGroupArn, keysSecretArn));
    this.authorizerFunction = authorizerFunction(this, given, { code: props.code, role: this.role, logGroup, keysSecretArn });
    this.alias = liveAlias(this, given, this.authorizerFunction);
    const authorizer = this.authorizer(given);
    this.authorizerName = authorizer.ref;
    this.authorizerArn = authorizer.attrArn;
    this.logGroup = logGroup;
    this.keysSecretArn = keysSecretArn === '' ? undefined : keysSecretArn;
    const alarms = authorizerAlarms(this, given, this.authorizerFunction);
    if (given.deployment !== 'AllAtOnce') {
      deployGradually(this, given, this.alias, alarms.rollback);
    }
    if (given.dashboard) {
      const sources = { functionName: this.authorizerFunction.functionName, logGroupName: logGroup.logGroupName, alarms: alarms.all };
      this.dashboardName = authorizerDashboard(this, sources).ref;
    }
  }

  /** Adds the outputs of `template.yaml` to the stack, by the same names. At most one construct of a stack can do so. */
  public addOutputs(): void {
    const { domainName, tokenKeyName } = this.settings;
    const address = `https://${Aws.REGION}.console.aws.amazon.com/cloudwatch/home?region=${Aws.REGION}#dashboards:name=${this.dashboardName}`;
    const command = `aws iot describe-endpoint --endpoint-type iot:Data-ATS --region ${Aws.REGION}`;
    const outputs = {
      AuthorizerName: this.authorizerName,
      AuthorizerArn: this.authorizerArn,
      TokenKeyName: tokenKeyName === '' ? undefined : tokenKeyName,
      Endpoint: domainName === '' ? command : domainName,
      FunctionName: this.authorizerFunction.functionName,
      FunctionArn: this.authorizerFunction.functionArn,
      AliasArn: this.alias.functionArn,
      RoleArn: this.role.roleArn,
      LogGroup: this.logGroup.logGroupName,
      KeysSecretArn: this.keysSecretArn,
      DashboardUrl: this.dashboardName === undefined ? undefined : address,
    };
    for (const [name, value] of Object.entries(outputs)) {
      if (value !== undefined) {
        new CfnOutput(Stack.of(this), name, { value });
      }
    }
  }

  /** The authorizer, its permission to invoke the alias, and its domain. */
  private authorizer(given: AuthorizerSettings): iot.CfnAuthorizer {
    const authorizer = new iot.CfnAuthorizer(this, 'Authorizer', {
      authorizerName: given.authorizerName === '' ? undefined : given.authorizerName,
      authorizerFunctionArn: this.alias.functionArn,
      status: given.authorizerStatus,
      // The function verifies each token itself, with any of its algorithms. AWS IoT's own check supports only RS256; it
      // saves calls but does not replace the verification.
      signingDisabled: !given.tokenSigning,
      tokenKeyName: given.tokenKeyName === '' ? undefined : given.tokenKeyName,
      tokenSigningPublicKeys: given.tokenSigning ? signingKeys(given) : undefined,
      enableCachingForHttp: given.cacheForHttp,
    });
    // Only this authorizer of this account: otherwise the AWS IoT of any account could call the function.
    new lambda.CfnPermission(this, 'AuthorizerPermission', {
      action: 'lambda:InvokeFunction',
      functionName: this.alias.functionArn,
      principal: 'iot.amazonaws.com',
      sourceArn: authorizer.attrArn,
      sourceAccount: Aws.ACCOUNT_ID,
    });
    if (given.domainName !== '') {
      new iot.CfnDomainConfiguration(this, 'Domain', {
        domainName: given.domainName,
        serverCertificateArns: [given.certificateArn],
        serviceType: 'DATA',
        authenticationType: given.authenticationType,
        applicationProtocol: given.applicationProtocol,
        authorizerConfig: { defaultAuthorizerName: authorizer.ref, allowAuthorizerOverride: given.allowAuthorizerOverride },
      });
    }
    return authorizer;
  }
}

/** The keys of AWS IoT's own check, by the names of `template.yaml`. Line ends may be written as `\n`. */
function signingKeys(given: AuthorizerSettings): { [name: string]: string } {
  const keys = { first: given.signingPublicKey, second: given.secondSigningPublicKey };
  return Object.fromEntries(Object.entries(keys).filter(([, key]) => key !== '').map(([name, key]) => [name, key.replaceAll('\\n', '\n')]));
}
