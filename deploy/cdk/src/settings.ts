import { JwtAuthorizerProps } from './jwt-authorizer-props';
import { ProvisioningProps } from './provisioning-props';

/** The type of a property whose default is known. Enumerations are texts, and the architecture is its name. */
type Setting<T> = T extends number ? number : T extends boolean ? boolean : string;

/** All properties of a construct but the code, each with its value or its default. An empty string means none. */
export type Settings<Props> = { readonly [name in keyof Omit<Required<Props>, 'code'>]: Setting<Required<Props>[name]> };

/** The settings of `JwtAuthorizer`. */
export type AuthorizerSettings = Settings<JwtAuthorizerProps>;

/** The settings of `Provisioning`. */
export type ProvisioningSettings = Settings<ProvisioningProps>;
