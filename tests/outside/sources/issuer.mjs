// oidc-provider on a free port of loopback: client credentials for JWT access tokens (RFC 9068), signed as the resource
// asks.
//
// node issuer.mjs AUDIENCE. Prints its URL when it serves.

import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

const [audience] = process.argv.slice(2);
const jwk = (kid, ...kind) => ({ ...generateKeyPairSync(...kind).privateKey.export({ format: 'jwk' }), kid, use: 'sig' });
const keys = [jwk('rsa', 'rsa', { modulusLength: 2048 }), jwk('ec', 'ec', { namedCurve: 'P-256' }), jwk('ed', 'ed25519')];

const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const address = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(address, {
    jwks: { keys },
    clients: [{
      client_id: 'alice', client_secret: 'alice', grant_types: ['client_credentials'], redirect_uris: [], response_types: [],
      token_endpoint_auth_method: 'client_secret_post',
    }],
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_, resource) => ({
          scope: '', audience, accessTokenFormat: 'jwt', accessTokenTTL: 600,
          jwt: { sign: { alg: resource.split(':').pop() } },
        }),
      },
    },
  });
  server.on('request', provider.callback());
  console.log(`serving ${address}`);
});
