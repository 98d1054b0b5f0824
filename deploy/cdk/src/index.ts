export * from './jwt-authorizer';
export * from './jwt-authorizer-props';
