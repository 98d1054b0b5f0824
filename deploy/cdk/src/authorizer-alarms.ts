import { aws_cloudwatch as cloudwatch, aws_lambda as lambda } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { AlarmRow, Metric, ONE_MINUTE, alarm, members, sums } from './alarms';
import { AuthorizerSettings } from './settings';

/** The alarms of an authorizer. */
export interface AuthorizerAlarms {
  /** All of them. */
  readonly all: cloudwatch.CfnAlarm[];
  /** Those that stop a gradual deployment and move the alias back. */
  readonly rollback: cloudwatch.CfnAlarm[];
}

const RUNBOOK = 'deploy.md#alarms';
const ROLLBACK = ['Errors', 'KeysUnavailable', 'Refusals', 'Duration'];

/** Creates the alarms of `template.yaml`, which has the reasons for their metrics. */
export function authorizerAlarms(scope: Construct, given: AuthorizerSettings, watched: lambda.Function): AuthorizerAlarms {
  const rows = { ...ofLambda(given, watched), ...ofKeys(given, watched), ...ofRevocation(watched) };
  const alarms = Object.entries(rows).map(([name, row]) => ({ name, resource: alarm(scope, name, given, row) }));
  return {
    all: alarms.map(({ resource }) => resource),
    rollback: ROLLBACK.flatMap((name) => alarms.filter((one) => one.name === name).map(({ resource }) => resource)),
  };
}

/** A metric of Lambda, of the alias that AWS IoT calls or of the function. */
function lambdaMetric(watched: lambda.Function, metricName: string, ofAlias = true): Metric {
  const ofFunction = { FunctionName: watched.functionName };
  const dimensions = ofAlias ? { ...ofFunction, Resource: `${watched.functionName}:live` } : ofFunction;
  return { namespace: 'AWS/Lambda', metricName, dimensions };
}

/** A metric that the function's log line has. */
function ownMetric(watched: lambda.Function, metricName: string, dimensions: { readonly [name: string]: string } = {}): Metric {
  return { namespace: 'iot-jwt-authorizer', metricName, dimensions: { function: watched.functionName, ...dimensions } };
}

function ofLambda(given: AuthorizerSettings, watched: lambda.Function): { readonly [name: string]: AlarmRow } {
  return {
    // The function denies a bad request without an error, so an error is a failed start, a time-out or a crash.
    Errors: {
      what: 'A call of the authorizer failed: the function could not start, ran out of time or crashed. The client was not connected.',
      runbook: RUNBOOK,
      ...members(lambdaMetric(watched, 'Errors')),
      ...ONE_MINUTE,
      threshold: 1,
    },
    KeysUnavailable: {
      what: 'Clients with valid tokens may be denied, because no key source of their issuer responds.',
      runbook: RUNBOOK,
      ...members(ownMetric(watched, 'refused', { code: 'keys_unavailable' })),
      ...ONE_MINUTE,
      threshold: 1,
    },
    // Relative to Lambda's calls, not to allowed + refused: if no request is allowed, `allowed` has no data.
    Refusals: {
      what: 'More of the requests than usual are denied: an attack, or a new version of an app, the issuer or the configuration.',
      runbook: 'logs.md#attack-or-our-fault',
      metrics: [
        ...sums(60, { refused: ownMetric(watched, 'refused'), calls: lambdaMetric(watched, 'Invocations') }),
        { id: 'percent', label: 'denied, in percent of all calls', expression: `IF(calls >= ${given.refusalAlarmCalls}, 100 * refused / calls, 0)` },
      ],
      evaluationPeriods: 5,
      datapointsToAlarm: 3,
      threshold: given.refusalAlarmPercent,
    },
    Duration: {
      what: 'One call in a hundred is slow. AWS IoT denies a client whose call takes more than 5 seconds.',
      runbook: RUNBOOK,
      ...members(lambdaMetric(watched, 'Duration')),
      extendedStatistic: 'p99',
      evaluateLowSampleCountPercentile: 'ignore',
      period: 60,
      evaluationPeriods: 5,
      datapointsToAlarm: 3,
      threshold: given.durationAlarmMilliseconds,
    },
    Throttles: {
      what: 'Lambda rejected calls because too many run at once. Their clients were not connected.',
      runbook: RUNBOOK,
      ...members(lambdaMetric(watched, 'Throttles', false)),
      ...ONE_MINUTE,
      threshold: 1,
    },
  };
}

function ofKeys(given: AuthorizerSettings, watched: lambda.Function): { readonly [name: string]: AlarmRow } {
  return {
    // An idle sandbox uses old keys once, which is normal. If even the newest keys are old, no sandbox could renew them.
    StaleKeys: {
      what: 'The keys of the issuers have not been renewed for too long. When max_stale_seconds is reached, clients are denied.',
      runbook: RUNBOOK,
      ...members(ownMetric(watched, 'key_age_seconds')),
      statistic: 'Minimum',
      period: 300,
      evaluationPeriods: 3,
      datapointsToAlarm: 3,
      threshold: given.keyAgeAlarmSeconds,
      comparisonOperator: 'GreaterThanThreshold',
    },
    // The minimum age hides one failing issuer behind a working one. This alarm detects that.
    KeyRefreshes: {
      what: "Fetches of an issuer's keys fail repeatedly. The old keys stay in use until max_stale_seconds.",
      runbook: RUNBOOK,
      ...failedFetches(ownMetric(watched, 'key_refresh_failures'), ownMetric(watched, 'key_refreshes')),
    },
  };
}

/** Without `[revocation]` none of these metrics exists. */
function ofRevocation(watched: lambda.Function): { readonly [name: string]: AlarmRow } {
  return {
    StaleRevocation: {
      what: 'Decisions are made without a revocation list, because no fetch of it succeeded for max_stale_seconds: valid tokens are denied, '
        + 'or revoked ones allowed, as when_stale says.',
      runbook: RUNBOOK,
      ...members(ownMetric(watched, 'revocation_stale')),
      ...ONE_MINUTE,
      threshold: 1,
    },
    // Fires before the list is stale.
    RevocationRefreshes: {
      what: 'Fetches of the revocation list fail repeatedly. The last good list stays in use until max_stale_seconds, '
        + 'and new entries have no effect.',
      runbook: RUNBOOK,
      ...failedFetches(ownMetric(watched, 'revocation_refresh_failures'), ownMetric(watched, 'revocation_refreshes')),
    },
  };
}

/** A quarter of the fetches fails for a quarter of an hour. */
function failedFetches(failed: Metric, refreshes: Metric): Pick<AlarmRow, 'metrics' | 'evaluationPeriods' | 'datapointsToAlarm' | 'threshold'> {
  return {
    metrics: [
      ...sums(300, { failed, refreshes }),
      { id: 'percent', label: 'failed, in percent of all fetches', expression: '100 * failed / refreshes' },
    ],
    evaluationPeriods: 3,
    datapointsToAlarm: 3,
    threshold: 25,
  };
}
