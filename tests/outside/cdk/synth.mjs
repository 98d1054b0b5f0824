// Synthesises the constructs of `deploy/cdk/`: reads cases from standard input, and writes the template of each, or the
// error of its construct. All are stacks of one app, since loading and CDK's own validation take most of the time.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(new URL('../../../deploy/cdk/package.json', import.meta.url));
const { App, DefaultStackSynthesizer, Stack, aws_lambda: lambda } = require('aws-cdk-lib');
const { CURRENTLY_RECOMMENDED_FLAGS } = require('aws-cdk-lib/cx-api');
const constructs = require('./lib/index.js');

// The template's parameter is a text, and the property a class.
const ARCHITECTURES = { arm64: lambda.Architecture.ARM_64, x86_64: lambda.Architecture.X86_64 };

const { construct, cases, code, folder, hasFlags } = JSON.parse(readFileSync(0, 'utf8'));

const app = new App({
  outdir: folder,
  analyticsReporting: false,
  // Findings of CDK's own validation are errors.
  context: { ...(hasFlags && CURRENTLY_RECOMMENDED_FLAGS), 'aws:cdk:enable-path-metadata': true, '@aws-cdk/core:validateAgainstDefaultRules': true },
});

/** Adds a stack with the construct. Returns the error of the construct if it rejects the properties. */
function add(id, given) {
  const { architecture, ...others } = given;
  const synthesizer = new DefaultStackSynthesizer({ generateBootstrapVersionRule: false });
  const stack = new Stack(app, id, { synthesizer });
  const props = { ...others, code: lambda.Code.fromAsset(code) };
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

const errors = Object.values(cases).map((given, index) => add(`Stack${index}`, given));
const assembly = app.synth();
const result = (index) => (errors[index] === undefined ? { template: assembly.getStackArtifact(`Stack${index}`).template } : { error: errors[index] });
process.stdout.write(JSON.stringify(Object.fromEntries(Object.keys(cases).map((name, index) => [name, result(index)]))));
