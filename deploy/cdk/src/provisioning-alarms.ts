import { aws_lambda as lambda, aws_sqs as sqs } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { ONE_MINUTE, alarm, members } from './alarms';
import { ProvisioningSettings } from './settings';

const RUNBOOK = 'deploy-provision.md#alarms';

/**
 * Fires when a function denies many devices; `what` begins its description. There is one for each, since an alarm cannot
 * add metrics of absent functions.
 */
export function denialsAlarm(scope: Construct, name: string, what: string, given: ProvisioningSettings, watched: lambda.Function): void {
  alarm(scope, `${name}Denials`, given, {
    what: `${what}: an attack, a list that lacks devices, or a wrong configuration.`,
    runbook: 'deploy-provision.md#denials',
    ...members({ namespace: 'iot-provision', metricName: 'denied', dimensions: { function: watched.functionName } }),
    ...ONE_MINUTE,
    period: 300,
    threshold: given.denialAlarmCount,
  });
}

/** Fires when an event arrives in the queue. Errors of `jitr` and `claim` are tried again, so what counts is what arrives there. */
export function failedEventsAlarm(scope: Construct, given: ProvisioningSettings, queue: sqs.Queue): void {
  alarm(scope, 'FailedEvents', given, {
    what: 'An event failed three times, or a rule could not invoke its function. Its device waits for a certificate or an activation.',
    runbook: RUNBOOK,
    ...members({ namespace: 'AWS/SQS', metricName: 'ApproximateNumberOfMessagesVisible', dimensions: { QueueName: queue.queueName } }),
    ...ONE_MINUTE,
    statistic: 'Maximum',
    threshold: 1,
  });
}

/** Fire when the hook fails. AWS IoT then denies the device, and tries nothing again. */
export function hookAlarms(scope: Construct, given: ProvisioningSettings, hook: lambda.Function): void {
  const reasons = {
    Errors: 'A call of the hook failed: the function could not start, ran out of time or crashed. The device was not provisioned.',
    Throttles: 'Lambda rejected calls of the hook because too many run at once. Their devices were not provisioned.',
  };
  for (const [metricName, what] of Object.entries(reasons)) {
    alarm(scope, `Hook${metricName}`, given, {
      what,
      runbook: RUNBOOK,
      ...members({ namespace: 'AWS/Lambda', metricName, dimensions: { FunctionName: hook.functionName } }),
      ...ONE_MINUTE,
      threshold: 1,
    });
  }
}
