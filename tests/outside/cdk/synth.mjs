// Synthesises the constructs of `deploy/cdk/`: reads cases from standard input, and writes the template of each, or the
// error of its construct. All in one process, since loading the library takes most of the time.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(new URL('../../../deploy/cdk/package.json', import.meta.url));
const { App, DefaultStackSynthesizer, Stack, aws_lambda: lambda } = require('aws-cdk-lib');
const constructs = require('./lib/index.js');

// The template's parameter is a text, and the property a class.
const ARCHITECTURES = { arm64: lambda.Architecture.ARM_64, x86_64: lambda.Architecture.X86_64 };

const { construct, cases, code, folder, context } = JSON.parse(readFileSync(0, 'utf8'));

function template(name, given) {
  const { architecture, ...others } = given;
  const app = new App({ outdir: `${folder}/${name}`, analyticsReporting: false, context: { ...context, 'aws:cdk:enable-path-metadata': true } });
  const synthesizer = new DefaultStackSynthesizer({ generateBootstrapVersionRule: false });
  const stack = new Stack(app, 'Stack', { synthesizer });
  const props = { ...others, code: lambda.Code.fromAsset(code) };
  if (architecture !== undefined) {
    props.architecture = ARCHITECTURES[architecture] ?? lambda.Architecture.custom(architecture);
  }
  const tested = new constructs[construct](stack, 'Tested', props);
  tested.addOutputs();
  return app.synth().getStackArtifact('Stack').template;
}

function result(name, given) {
  try {
    return { template: template(name, given) };
  } catch (error) {
    return { error: error.message };
  }
}

const results = Object.entries(cases).map(([name, given], index) => [name, result(index, given)]);
process.stdout.write(JSON.stringify(Object.fromEntries(results)));
