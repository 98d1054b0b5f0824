import { Limits } from './parameters';

// The limits of properties that both constructs have.
export const ARCHITECTURE: Limits = { default: 'arm64', values: ['arm64', 'x86_64'] };
export const MEMORY_SIZE: Limits = { default: 256, minimum: 128, maximum: 3008 };
export const RESERVED_CONCURRENCY: Limits = { default: -1, minimum: -1 };
export const LOG_RETENTION_DAYS: Limits = {
  default: 30,
  values: [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653],
};
export const LOG_LEVEL: Limits = { default: 'INFO', values: ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR'] };
export const ALARM_TOPIC_ARN: Limits = {
  default: '',
  pattern: '^(arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[\\w-]+)?$',
  expected: 'the ARN of an SNS topic',
};
export const DOCS_URL: Limits = {
  default: 'docs',
  maxLength: 256,
  pattern: '^[^\\s#?]*[^\\s#?/]$',
  expected: 'an address without a slash at its end',
};
