// Synthesises the constructs of `deploy/cdk/`: reads cases from standard input, and writes the template of each, or the
// error of its construct. All are stacks of one app, since loading the library takes most of the time.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(new URL('../../../deploy/cdk/package.json', import.meta.url));
const { App, DefaultStackSynthesizer, Stack, aws_lambda: lambda } = require('aws-cdk-lib');
const { CURRENTLY_RECOMMENDED_FLAGS } = require('aws-cdk-lib/cx-api');
const constructs = require('./lib/index.js');

// The template's parameter is a text, and the property a class.
const ARCHITECTURES = { arm64: lambda.Architecture.ARM_64, x86_64: lambda.Architecture.X86_64 };

const { construct, cases, packages, folder, hasFlags, otherPackage } = JSON.parse(readFileSync(0, 'utf8'));

const app = new App({
  outdir: folder,
  analyticsReporting: false,
  // One of the flags makes errors of the findings of CDK's own validation.
  context: { ...(hasFlags && CURRENTLY_RECOMMENDED_FLAGS), 'aws:cdk:enable-path-metadata': true },
});

/** Adds a stack with the construct. Returns the error of the construct if it rejects the properties. */
function add(id, given, code) {
  const { architecture, ...others } = given;
  const synthesizer = new DefaultStackSynthesizer({ generateBootstrapVersionRule: false });
  const stack = new Stack(app, id, { synthesizer });
  const props = { code: lambda.Code.fromAsset(code), ...others };
  if (architecture !== undefined) {
    props.architecture = ARCHITECTURES[architecture] ?? lambda.Architecture.custom(architecture);
  }
  try {
    new constructs[construct](stack, 'Tested', props).addOutputs();
  } catch (error) {
    app.node.tryRemoveChild(id);
    return error.message;
  }
}

const errors = Object.entries(cases).map(([name, given], index) => add(`Stack${index}`, given, packages[name === otherPackage ? 1 : 0]));
const assembly = app.synth();
const template = (index) => assembly.getStackArtifact(`Stack${index}`).template;
const result = (index) => (errors[index] === undefined ? { template: template(index) } : { error: errors[index] });
process.stdout.write(JSON.stringify(Object.fromEntries(Object.keys(cases).map((name, index) => [name, result(index)]))));
