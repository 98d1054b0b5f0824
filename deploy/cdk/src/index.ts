export * from './jwt-authorizer';
export * from './jwt-authorizer-props';
export * from './provisioning';
export * from './provisioning-props';
