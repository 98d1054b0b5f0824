import { CfnResource, aws_iam as iam, aws_iot as iot } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { ProvisioningSettings } from './settings';

const STRING = { Type: 'String' };
const CERTIFICATE = { Type: 'AWS::IoT::Certificate', Properties: { CertificateId: { Ref: 'AWS::IoT::Certificate::Id' }, Status: 'ACTIVE' } };

/** What AWS IoT asks before it provisions a device of a fleet. */
export interface Hook {
  readonly functionArn: string;
  readonly permission: CfnResource;
}

/** The template of fleet provisioning, as `provision/templates/fleet.json` has it. */
export function fleetTemplate(scope: Construct, given: ProvisioningSettings, role: iam.CfnRole, hook: Hook): iot.CfnProvisioningTemplate {
  const body = {
    Parameters: { SerialNumber: STRING, 'AWS::IoT::Certificate::Id': STRING },
    Resources: {
      thing: {
        Type: 'AWS::IoT::Thing',
        Properties: { ThingName: { Ref: 'SerialNumber' } },
        OverrideSettings: { AttributePayload: 'DO_NOTHING', ThingTypeName: 'DO_NOTHING', ThingGroups: 'DO_NOTHING' },
      },
      certificate: CERTIFICATE,
      policy: policyResource(given),
    },
  };
  const template = new iot.CfnProvisioningTemplate(scope, 'FleetTemplate', {
    templateName: given.fleetTemplateName,
    description: 'A device with a claim gets a thing of its serial number, if the hook allows it.',
    templateType: 'FLEET_PROVISIONING',
    enabled: true,
    provisioningRoleArn: role.attrArn,
    preProvisioningHook: { payloadVersion: '2020-04-01', targetArn: hook.functionArn },
    templateBody: JSON.stringify(body),
  });
  // The template names a function that AWS IoT can invoke from its first request on.
  template.addDependency(hook.permission);
  return template;
}

/** The template of just-in-time provisioning, as `provision/templates/jitp.json` has it. */
export function jitpTemplate(scope: Construct, given: ProvisioningSettings, role: iam.CfnRole): iot.CfnProvisioningTemplate {
  const body = {
    Parameters: {
      'AWS::IoT::Certificate::CommonName': STRING,
      'AWS::IoT::Certificate::Country': STRING,
      'AWS::IoT::Certificate::Id': STRING,
    },
    Resources: {
      thing: {
        Type: 'AWS::IoT::Thing',
        Properties: {
          ThingName: { Ref: 'AWS::IoT::Certificate::CommonName' },
          AttributePayload: { country: { Ref: 'AWS::IoT::Certificate::Country' } },
        },
      },
      certificate: CERTIFICATE,
      policy: policyResource(given),
    },
  };
  return new iot.CfnProvisioningTemplate(scope, 'JitpTemplate', {
    templateName: given.jitpTemplateName,
    description: 'A device of a registered CA certificate gets a thing of its common name at its first connect.',
    templateType: 'JITP',
    enabled: true,
    provisioningRoleArn: role.attrArn,
    templateBody: JSON.stringify(body),
  });
}

function policyResource(given: ProvisioningSettings): object {
  return { Type: 'AWS::IoT::Policy', Properties: { PolicyName: given.devicePolicyName } };
}
