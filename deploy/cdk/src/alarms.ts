import { aws_cloudwatch as cloudwatch } from 'aws-cdk-lib';
import { Construct } from 'constructs';

/** Where alarms send and link to. */
export interface AlarmSettings {
  readonly alarmTopicArn: string;
  readonly docsUrl: string;
}

/** An alarm. `runbook` is a page of `docs/` with a heading; the others are properties of the resource. */
export interface AlarmRow extends Partial<cloudwatch.CfnAlarmProps> {
  readonly what: string;
  readonly runbook: string;
  readonly threshold: number;
}

/** One metric of an alarm, or of its expression. */
export interface Metric {
  readonly namespace: string;
  readonly metricName: string;
  readonly dimensions: { readonly [name: string]: string };
}

/** The members of an alarm that fires at once when a sum of a minute reaches the threshold. */
export const ONE_MINUTE = { statistic: 'Sum', period: 60, evaluationPeriods: 1 };

/** Creates an alarm that links to its runbook, sends to the topic when it fires and when it stops, and ignores missing data. */
export function alarm(scope: Construct, name: string, given: AlarmSettings, row: AlarmRow): cloudwatch.CfnAlarm {
  const { what, runbook, ...properties } = row;
  const actions = given.alarmTopicArn === '' ? undefined : [given.alarmTopicArn];
  return new cloudwatch.CfnAlarm(scope, `${name}Alarm`, {
    comparisonOperator: 'GreaterThanOrEqualToThreshold',
    evaluationPeriods: 1,
    ...properties,
    alarmDescription: `${what} What to do: ${given.docsUrl}/${runbook}`,
    treatMissingData: 'notBreaching',
    alarmActions: actions,
    okActions: actions,
  });
}

/** A metric as members of an alarm. */
export function members(metric: Metric): { namespace: string; metricName: string; dimensions: cloudwatch.CfnAlarm.DimensionProperty[] } {
  const dimensions = Object.entries(metric.dimensions).map(([name, value]) => ({ name, value }));
  return { namespace: metric.namespace, metricName: metric.metricName, dimensions };
}

/** The metrics of an expression: sums of `period` seconds, by the name that the expression has for each. */
export function sums(period: number, metrics: { readonly [id: string]: Metric }): cloudwatch.CfnAlarm.MetricDataQueryProperty[] {
  return Object.entries(metrics).map(([id, metric]) => ({ id, returnData: false, metricStat: { metric: members(metric), stat: 'Sum', period } }));
}
