import { Limits, Parameters } from './parameters';
import { ProvisioningSettings } from './settings';
import { ALARM_TOPIC_ARN, ARCHITECTURE, DOCS_URL, LOG_LEVEL, LOG_RETENTION_DAYS, MEMORY_SIZE, RESERVED_CONCURRENCY } from './shared-parameters';

const AUTHORITY_ID: Limits = {
  default: '',
  pattern: '^([0-9a-f]{64})?$',
  expected: 'the id of a CA certificate, 64 hexadecimal digits in lower case',
};
const TEMPLATE_NAME: Limits = { default: '', pattern: '^[0-9A-Za-z_-]{0,36}$', expected: 'at most 36 letters, digits, _ and -' };

/** The limits of `Provisioning`: those of `provision/template.yaml`, which the tests compare. */
export const PROVISIONING: Parameters<ProvisioningSettings> = {
  limits: {
    architecture: ARCHITECTURE,
    memorySize: MEMORY_SIZE,
    reservedConcurrency: RESERVED_CONCURRENCY,
    logRetentionDays: LOG_RETENTION_DAYS,
    logLevel: LOG_LEVEL,
    authorityId: AUTHORITY_ID,
    secondAuthorityId: AUTHORITY_ID,
    bootstrapRequest: {
      default: '',
      maxLength: 256,
      pattern: '^(([^+#$*?\'"/\\\\\\s]+/)*\\+(/[^+#$*?\'"/\\\\\\s]+)*)?$',
      expected: 'a topic filter with one + and without #, at most 256 characters',
    },
    bootstrapIdLevel: { default: 2, minimum: 1, maximum: 8 },
    bootstrapResponse: {
      default: 'bootstrap/*/response',
      maxLength: 256,
      pattern: '^([^+#$*?\'"/\\\\\\s]+/)*\\*(/[^+#$*?\'"/\\\\\\s]+)*$',
      expected: 'a topic with one * instead of ${id}, at most 256 characters',
    },
    fleetTemplateName: TEMPLATE_NAME,
    jitpTemplateName: TEMPLATE_NAME,
    devicePolicyName: {
      default: 'device',
      pattern: '^[\\w+=,.@-]{1,128}$',
      expected: 'the name of a policy, 1 to 128 letters, digits and _+=,.@-',
    },
    tableName: { default: '', pattern: '^([a-zA-Z0-9_.-]{3,255})?$', expected: 'the name of a table, 3 to 255 letters, digits and _.-' },
    createTable: { default: false },
    alarmTopicArn: ALARM_TOPIC_ARN,
    docsUrl: DOCS_URL,
    denialAlarmCount: { default: 10, minimum: 1 },
  },
  rules: [
    {
      isBroken: (given) => !hasFunction(given) && given.jitpTemplateName === '',
      error: 'give at least one of authorityId, bootstrapRequest, fleetTemplateName and jitpTemplateName',
    },
    { isBroken: (given) => given.secondAuthorityId !== '' && given.authorityId === '', error: 'give authorityId before the second one' },
    {
      isBroken: (given) => given.secondAuthorityId !== '' && given.authorityId === given.secondAuthorityId,
      error: 'authorityId and secondAuthorityId: both ids are those of one CA certificate',
    },
    {
      isBroken: (given) => given.jitpTemplateName !== '' && given.fleetTemplateName === given.jitpTemplateName,
      error: 'fleetTemplateName and jitpTemplateName are equal; templates of both kinds share their names',
    },
    { isBroken: (given) => given.createTable && given.tableName === '', error: 'createTable needs tableName, since provision.toml names the table' },
    {
      isBroken: (given) => given.tableName !== '' && !hasFunction(given),
      error: 'tableName does nothing without authorityId, bootstrapRequest or fleetTemplateName',
    },
  ],
};

function hasFunction(given: ProvisioningSettings): boolean {
  return given.authorityId !== '' || given.bootstrapRequest !== '' || given.fleetTemplateName !== '';
}
