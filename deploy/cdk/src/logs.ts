import { RemovalPolicy, aws_logs as logs } from 'aws-cdk-lib';
import { Construct } from 'constructs';

/** A log group that survives its stack: it is the record of decisions. Its events expire after these days. */
export function retainedLogs(scope: Construct, id: string, retention: number): logs.LogGroup {
  return new logs.LogGroup(scope, id, { retention, removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE });
}
