// Deploys the package of a folder that `cargo local init` wrote:
//
//     cargo local package --arch arm64                  (in that folder)
//     npx cdk deploy -c folder=/path/of/that/folder     (here)
import { join } from 'node:path';
import { App, Stack, aws_lambda as lambda } from 'aws-cdk-lib';
import { JwtAuthorizer } from 'iot-jwt-authorizer-cdk';

const app = new App();
const folder = app.node.tryGetContext('folder');
if (folder === undefined) {
  throw new Error('missing folder; expected -c folder=PATH, a folder of `cargo local init`');
}

const stack = new Stack(app, 'iot-jwt-authorizer');
const authorizer = new JwtAuthorizer(stack, 'Authorizer', {
  code: lambda.Code.fromAsset(join(folder, 'target/package/iot-jwt-authorizer-arm64.zip')),
  // The values of `parameters.yaml` in that folder, which SAM reads.
  authorizerName: 'app',
  alarmTopicArn: '',
});
authorizer.addOutputs();
