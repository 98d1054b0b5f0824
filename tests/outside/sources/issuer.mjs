// oidc-provider on a free port of loopback: client credentials for JWT access tokens (RFC 9068), signed as the resource
// asks.
//
// node issuer.mjs AUDIENCE [keycloak]. Prints its URL when it serves. With `keycloak` that is a realm's, and the tokens
// have the members of Keycloak's for a user of the tenant `acme`.

import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

const [audience, shape] = process.argv.slice(2);
const user = shape ? '5f0e0d0c-0000-4000-8000-00000000a11a' : 'alice';
const path = shape ? '/realms/iot' : '';
const members = { typ: 'Bearer', azp: 'iot-app', tenant: 'acme', resource_access: { 'iot-core': { roles: ['user'] } } };
const jwk = (kid, ...kind) => ({ ...generateKeyPairSync(...kind).privateKey.export({ format: 'jwk' }), kid, use: 'sig' });
const keys = [jwk('rsa', 'rsa', { modulusLength: 2048 }), jwk('ec', 'ec', { namedCurve: 'P-256' }), jwk('ed', 'ed25519')];

const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const address = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(`${address}${path}`, {
    jwks: { keys },
    extraTokenClaims: () => (shape ? members : undefined),
    clients: [{
      client_id: user, client_secret: 'alice', grant_types: ['client_credentials'], redirect_uris: [], response_types: [],
      token_endpoint_auth_method: 'client_secret_post',
    }],
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_, resource) => ({
          scope: '', audience: resource.split(':')[3] ?? audience, accessTokenFormat: 'jwt', accessTokenTTL: 600,
          jwt: { sign: { alg: resource.split(':')[2] } },
        }),
      },
    },
  });
  const serve = provider.callback();
  server.on('request', (request, response) => {
    // Mounted below the realm's path, as a web framework would do it.
    request.originalUrl = request.url;
    if (path && request.url.startsWith(`${path}/`)) request.url = request.url.slice(path.length);
    serve(request, response);
  });
  console.log(`serving ${address}${path}`);
});
