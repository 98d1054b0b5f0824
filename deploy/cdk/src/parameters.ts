import { Token } from 'aws-cdk-lib';
import { Construct } from 'constructs';

/** A value of a property. An empty string is the same as no value. */
type Value = string | number | boolean;

/** The limits of a property: those of the template's parameter of the same name. */
export interface Limits {
  /** The value if the property is not given. Its type is the type of the property. */
  readonly default: Value;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly values?: readonly Value[];
  /** A regular expression that matches the whole text. */
  readonly pattern?: string;
  /** In characters. */
  readonly maxLength?: number;
  /** What the pattern and the length mean, for the error. */
  readonly expected?: string;
  /** Whether errors omit the value, which may be a private key by mistake. */
  readonly isHidden?: boolean;
}

/** Properties that contradict each other. */
export interface Rule<Settings> {
  readonly isBroken: (settings: Settings) => boolean;
  readonly error: string;
}

/** The properties of a construct with their limits, and the rules between them. */
export interface Parameters<Settings> {
  readonly limits: { readonly [name in keyof Settings]: Limits };
  readonly rules: readonly Rule<Settings>[];
}

/**
 * Returns all properties, with the defaults of those that are not given.
 *
 * @throws an error that lists every property outside its limits or, if all are within, every broken rule
 */
export function validSettings<Settings extends object>(scope: Construct, id: string, given: object, parameters: Parameters<Settings>): Settings {
  const names = Object.keys(parameters.limits) as (keyof Settings & string)[];
  const values = new Map(Object.entries(given));
  const settings = Object.fromEntries(names.map((name) => [name, values.get(name) ?? parameters.limits[name].default])) as Settings;
  const outside = [
    ...nameErrors(values, names),
    ...names.flatMap((name) => limitErrors(name, settings[name] as Value, parameters.limits[name])),
  ];
  const errors = outside.length > 0 ? outside : parameters.rules.filter((rule) => rule.isBroken(settings)).map((rule) => rule.error);
  if (errors.length > 0) {
    const path = [scope.node.path, id].filter((part) => part !== '').join('/');
    throw new Error(`${path}: invalid properties\n${errors.map((error) => `  ${error}`).join('\n')}`);
  }
  return settings;
}

/** The errors of unknown properties, and of missing code. Only JavaScript can pass them. */
function nameErrors(values: ReadonlyMap<string, unknown>, names: readonly string[]): string[] {
  const unknown = [...values.keys()].filter((name) => name !== 'code' && !names.includes(name));
  const missing = (values.get('code') ?? undefined) === undefined ? ['code: missing; expected the package'] : [];
  return [...missing, ...unknown.map((name) => `${name}: unknown property`)];
}

/** The error of a property outside its limits, if it is. A value that only the deployment knows has no limits here. */
function limitErrors(name: string, value: Value, limits: Limits): string[] {
  if (Token.isUnresolved(value) || isWithin(value, limits)) {
    return [];
  }
  const found = limits.isHidden ? 'invalid value' : `invalid value ${JSON.stringify(value)}`;
  return [`${name}: ${found}; expected ${expectation(limits)}`];
}

function isWithin(value: Value, limits: Limits): boolean {
  if (typeof value !== typeof limits.default) {
    return false;
  }
  if (limits.values !== undefined) {
    return limits.values.includes(value);
  }
  if (typeof value === 'number') {
    return Number.isSafeInteger(value) && value >= (limits.minimum ?? -Infinity) && value <= (limits.maximum ?? Infinity);
  }
  if (typeof value === 'string') {
    return value.length <= (limits.maxLength ?? Infinity) && new RegExp(limits.pattern ?? '').test(value);
  }
  return true;
}

function expectation(limits: Limits): string {
  if (limits.values !== undefined) {
    return `one of ${limits.values.join(', ')}`;
  }
  if (typeof limits.default === 'number') {
    const maximum = limits.maximum === undefined ? 'up' : `to ${limits.maximum}`;
    return `an integer from ${limits.minimum} ${maximum}`;
  }
  return typeof limits.default === 'boolean' ? 'true or false' : limits.expected ?? 'a text';
}
