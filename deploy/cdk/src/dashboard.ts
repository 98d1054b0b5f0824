import { Aws, Stack, aws_cloudwatch as cloudwatch } from 'aws-cdk-lib';
import { Construct } from 'constructs';

/** What the dashboard shows. */
export interface DashboardSources {
  readonly functionName: string;
  readonly logGroupName: string;
  readonly alarms: cloudwatch.CfnAlarm[];
}

type Row = (string | object)[];

/** The dashboard of `template.yaml`. */
export function authorizerDashboard(scope: Construct, sources: DashboardSources): cloudwatch.CfnDashboard {
  const widgets = [...metricWidgets(sources.functionName), alarmWidget(sources.alarms), revocationWidget(sources.functionName), logWidget(sources)];
  return new cloudwatch.CfnDashboard(scope, 'AuthorizerDashboard', { dashboardBody: Stack.of(scope).toJsonString({ widgets }) });
}

function own(functionName: string, metric: string, options?: object): Row {
  return ['iot-jwt-authorizer', metric, 'function', functionName, ...(options ? [options] : [])];
}

function ofLambda(functionName: string, metric: string, ofAlias: boolean, options?: object): Row {
  const alias = ofAlias ? ['Resource', `${functionName}:live`] : [];
  return ['AWS/Lambda', metric, 'FunctionName', functionName, ...alias, ...(options ? [options] : [])];
}

/** A widget of half the width; `place` has its column and row. */
function chart(title: string, [x, y, width]: [number, number, number], settings: object, metrics: Row[]): object {
  const properties = { title, region: Aws.REGION, view: 'timeSeries', ...settings, metrics };
  return { type: 'metric', x, y, width, height: 6, properties };
}

function metricWidgets(name: string): object[] {
  const right = { stat: 'Sum', yAxis: 'right' };
  const codes = `SEARCH('{"iot-jwt-authorizer",code,function} MetricName="refused" function="${name}"', 'Sum')`;
  return [
    chart('Decisions', [0, 0, 12], { stat: 'Sum', period: 60 }, [own(name, 'allowed'), own(name, 'refused')]),
    chart('Denials by code', [12, 0, 12], { period: 60, stacked: true }, [[{ expression: codes, id: 'codes' }]]),
    chart('Response times: of a decision in microseconds (left), of a call in milliseconds (right)', [0, 6, 12], { period: 60 }, [
      own(name, 'duration_us', { stat: 'p50' }),
      own(name, 'duration_us', { stat: 'p99' }),
      ofLambda(name, 'Duration', true, { stat: 'p99', yAxis: 'right' }),
    ]),
    chart('Lambda', [12, 6, 12], { stat: 'Sum', period: 60 }, [
      ofLambda(name, 'Errors', true),
      ofLambda(name, 'Throttles', false),
      own(name, 'cold_starts'),
      ofLambda(name, 'ConcurrentExecutions', false, { stat: 'Maximum' }),
    ]),
    chart('Keys: age in seconds (left), fetches (right)', [0, 12, 12], { period: 300 }, [
      own(name, 'key_age_seconds', { stat: 'Minimum' }),
      own(name, 'key_age_seconds', { stat: 'Maximum' }),
      own(name, 'key_refreshes', right),
      own(name, 'key_refresh_failures', right),
      own(name, 'key_fetches', { ...right, label: 'key_fetches (a response waited)' }),
    ]),
  ];
}

function alarmWidget(alarms: cloudwatch.CfnAlarm[]): object {
  return { type: 'alarm', x: 12, y: 12, width: 12, height: 6, properties: { title: 'Alarms', alarms: alarms.map((one) => one.attrArn) } };
}

function revocationWidget(name: string): object {
  const right = { stat: 'Sum', yAxis: 'right' };
  const title = 'Revocation list: age in seconds (left), fetches and decisions without a list (right)';
  return chart(title, [0, 18, 24], { period: 300 }, [
    own(name, 'revocation_age_seconds', { stat: 'Maximum' }),
    own(name, 'revocation_refreshes', right),
    own(name, 'revocation_refresh_failures', right),
    own(name, 'revocation_stale', right),
  ]);
}

function logWidget(sources: DashboardSources): object {
  const fields = '@timestamp, code, detail, issuer, kid, principal, connection_id, hint';
  const query = `SOURCE '${sources.logGroupName}' | filter decision = 'deny' | fields ${fields} | sort @timestamp desc | limit 50`;
  const properties = { title: 'Latest denials', region: Aws.REGION, view: 'table', query };
  return { type: 'log', x: 0, y: 24, width: 24, height: 6, properties };
}
