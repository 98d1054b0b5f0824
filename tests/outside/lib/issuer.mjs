// An OpenID Connect issuer on another origin, with a configuration of the authorizer that accepts its tokens. Its
// behaviour can be changed to what a browser or a client must reject.
import { createHash, createSign, generateKeyPairSync, randomUUID } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { ROOT } from "./gateway.mjs";

const base64url = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
const CLIENT = "own-app";

/** Starts the issuer. `behaviour` may be changed at any time. */
export async function startIssuer() {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const behaviour = { allowsOrigins: true, state: (state) => state, claims: {}, document: {} };
  const codes = new Map();
  const sign = (payload) => {
    const signed = `${base64url({ alg: "RS256", typ: "JWT", kid: "own" })}.${base64url(payload)}`;
    return `${signed}.${createSign("sha256").update(signed).sign(privateKey).toString("base64url")}`;
  };
  const server = createServer((request, response) => respond(request, response).catch(() => response.writeHead(500).end()));
  await new Promise((resolve) => { server.listen(0, "127.0.0.1", resolve); });
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const now = () => Math.floor(Date.now() / 1000);
  const token = (claims) => sign({ iss: issuer, sub: "ines", aud: "iot.example.com", iat: now(), exp: now() + 3600, tenant: "acme", ...behaviour.claims, ...claims });

  async function respond(request, response) {
    const url = new URL(request.url, issuer);
    const headers = behaviour.allowsOrigins ? { "Access-Control-Allow-Origin": request.headers.origin ?? "*" } : {};
    const reply = (status, body) => response.writeHead(status, { ...headers, "Content-Type": "application/json" }).end(JSON.stringify(body));
    if (url.pathname === "/.well-known/openid-configuration") {
      return reply(200, { issuer, authorization_endpoint: `${issuer}/authorize?tenant=1`, token_endpoint: `${issuer}/token`, ...behaviour.document });
    }
    if (url.pathname === "/authorize") {
      const code = randomUUID();
      codes.set(code, url.searchParams);
      const back = new URL(url.searchParams.get("redirect_uri"));
      back.search = new URLSearchParams({ code, state: behaviour.state(url.searchParams.get("state")) });
      return response.writeHead(303, { Location: back.href }).end();
    }
    if (url.pathname === "/token") {
      let body = "";
      for await (const chunk of request) body += chunk;
      const form = new URLSearchParams(body);
      const asked = codes.get(form.get("code"));
      codes.delete(form.get("code"));
      const challenge = createHash("sha256").update(form.get("code_verifier") ?? "").digest("base64url");
      const isValid = asked?.get("code_challenge") === challenge && asked.get("redirect_uri") === form.get("redirect_uri")
        && form.get("client_id") === CLIENT && asked.get("client_id") === CLIENT;
      if (!isValid) return reply(400, { error: "invalid_grant" });
      const identity = token({ aud: CLIENT, nonce: asked.get("nonce"), ...behaviour.identity });
      return reply(200, { access_token: token({}), id_token: identity, token_type: "Bearer" });
    }
    return reply(404, {});
  }

  const folder = configure(issuer, { ...publicKey.export({ format: "jwk" }), kid: "own", alg: "RS256" });
  const end = () => { server.close(); server.closeAllConnections(); rmSync(folder, { recursive: true }); };
  return { issuer, host: new URL(issuer).host, behaviour, token, client: CLIENT, config: join(folder, "authorizer.toml"), end };
}

/** The shipped configuration with this issuer and its key, in a folder of its own. */
function configure(issuer, key) {
  mkdirSync(join(ROOT, "target"), { recursive: true });
  const folder = mkdtempSync(join(ROOT, "target/own-issuer-"));
  cpSync(join(ROOT, "policies"), join(folder, "policies"), { recursive: true });
  mkdirSync(join(folder, "keys"));
  writeFileSync(join(folder, "keys/users.jwks.json"), JSON.stringify({ keys: [key] }));
  const shipped = readFileSync(join(ROOT, "authorizer.toml"), "utf8");
  writeFileSync(join(folder, "authorizer.toml"), shipped.replace("https://login.example.com/", issuer));
  return folder;
}
