// Signature Version 4, for the two kinds of requests that this page signs: the WebSocket of AWS IoT, and JSON requests.
// IAM User Guide, "Create a signed AWS API request".

const ALGORITHM = "AWS4-HMAC-SHA256";
/** How long an address can be used, in seconds. AWS IoT takes it for five minutes at most. */
const EXPIRES = 300;

const encoder = new TextEncoder();
const hex = (bytes) => Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
const sha256 = async (text) => hex(await crypto.subtle.digest("SHA-256", encoder.encode(text)));

async function hmac(key, text) {
  const imported = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return crypto.subtle.sign("HMAC", imported, encoder.encode(text));
}

/** Encodes all but the unreserved characters (RFC 3986, section 2.3). */
const encode = (text) => encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);

/** `20260115T120000Z` */
const format = (date) => date.toISOString().replace(/[-:]|\.\d+/g, "");

/** Signs a canonical request. `scope` is what follows the access key id in the credential. */
async function sign(canonical, { secretKey }, time, scope) {
  const text = [ALGORITHM, time, scope, await sha256(canonical)].join("\n");
  let key = encoder.encode(`AWS4${secretKey}`);
  for (const part of scope.split("/")) key = await hmac(key, part);
  return hex(await hmac(key, text));
}

/**
 * Returns the query of a WebSocket's address at `/mqtt`. The session token is added after signing, as AWS IoT requires
 * (AWS IoT Developer Guide, "IAM users, groups, and roles").
 */
export async function presign({ host, region, credentials, date = new Date() }) {
  const time = format(date);
  const scope = `${time.slice(0, 8)}/${region}/iotdevicegateway/aws4_request`;
  const query = Object.entries({
    "X-Amz-Algorithm": ALGORITHM,
    "X-Amz-Credential": `${credentials.accessKeyId}/${scope}`,
    "X-Amz-Date": time,
    "X-Amz-Expires": EXPIRES,
    "X-Amz-SignedHeaders": "host",
  }).map(([name, value]) => `${name}=${encode(String(value))}`).join("&");
  const canonical = ["GET", "/mqtt", query, `host:${host}`, "", "host", await sha256("")].join("\n");
  const signature = await sign(canonical, credentials, time, scope);
  return `${query}&X-Amz-Signature=${signature}&X-Amz-Security-Token=${encode(credentials.sessionToken)}`;
}

/** Returns the headers that sign a JSON request to a path of a service. The browser adds `Host`. */
export async function signedHeaders({ method, host, path, body, service, region, credentials, date = new Date() }) {
  const time = format(date);
  const scope = `${time.slice(0, 8)}/${region}/${service}/aws4_request`;
  const headers = { "content-type": "application/json", host, "x-amz-date": time, "x-amz-security-token": credentials.sessionToken };
  const names = Object.keys(headers).join(";");
  // The path as it is sent is encoded once more.
  const encoded = path.split("/").map(encode).join("/");
  const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}`);
  const canonical = [method, encoded, "", ...lines, "", names, await sha256(body)].join("\n");
  const signature = await sign(canonical, credentials, time, scope);
  const { host: _, ...sent } = headers;
  return { ...sent, authorization: `${ALGORITHM} Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}` };
}
