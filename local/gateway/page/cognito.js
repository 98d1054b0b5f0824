// Amazon Cognito's identity pool and the function `attach`, as an app in a browser uses them.

import { presign, signedHeaders } from "./sigv4.js";

/** Calls an unsigned operation of the identity pool. */
async function call(operation, body) {
  const response = await fetch("/", {
    method: "POST",
    headers: { "content-type": "application/x-amz-json-1.1", "x-amz-target": `AWSCognitoIdentityService.${operation}` },
    body: JSON.stringify(body),
  });
  return read(operation, response);
}

async function read(operation, response) {
  const answer = await response.json().catch(() => ({}));
  if (response.ok && !response.headers.has("x-amz-function-error")) return answer;
  const kind = answer.__type ?? response.headers.get("x-amzn-errortype")?.split(":")[0] ?? `status ${response.status}`;
  throw new Error(`${operation}: ${kind}: ${answer.message ?? answer.Message ?? answer.errorMessage ?? "no message"}`);
}

/** An identity of the pool, for the ID token of a sign-in. `login` is the issuer without its scheme. */
export class Identity {
  static async of({ id, region }, login, idToken) {
    const logins = { [login]: idToken };
    const { IdentityId } = await call("GetId", { IdentityPoolId: id, Logins: logins });
    return new Identity(IdentityId, logins, region);
  }

  constructor(id, logins, region) {
    Object.assign(this, { id, logins, region });
  }

  /** New credentials, which are valid for an hour. */
  async credentials() {
    const { Credentials } = await call("GetCredentialsForIdentity", { IdentityId: this.id, Logins: this.logins });
    return { accessKeyId: Credentials.AccessKeyId, secretKey: Credentials.SecretKey, sessionToken: Credentials.SessionToken };
  }

  /** The query of a signed address of the WebSocket. */
  async query() {
    return presign({ host: location.host, region: this.region, credentials: await this.credentials() });
  }

  /** Invokes the function that attaches the policy to the identity that signs. Returns the name of the policy. */
  async attach() {
    const [method, path, body] = ["POST", "/2015-03-31/functions/attach/invocations", "{}"];
    const credentials = await this.credentials();
    const headers = await signedHeaders({ method, host: location.host, path, body, service: "lambda", region: this.region, credentials });
    const answer = await read("attach", await fetch(path, { method, headers, body }));
    if (answer.status !== "accepted") throw new Error(`attach: denied: ${answer.code}`);
    return answer.policy;
  }
}
