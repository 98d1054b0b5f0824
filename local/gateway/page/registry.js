// The registry and the clients of the gateway, read again after each change.

import { $, make, show } from "./dom.js";

/** Several changes in a row are read once. */
const DELAY_MS = 150;
const STATES = { ACTIVE: "good", REVOKED: "bad" };

const code = (text) => make("code", {}, text);
/** The start of a long id. The whole one is in the table of its kind. */
const shortId = (id) => id.replace(/[0-9a-f]{64}/, (hex) => `${hex.slice(0, 10)}…`);
const list = (items) => (items.length ? make("ul", {}, ...items.map((item) => make("li", {}, item))) : "none");
const names = (items) => list(items.map((item) => code(shortId(item))));
const status = (text) => make("span", { class: `badge ${STATES[text] ?? "note"}` }, text);
const date = (seconds) => make("time", { datetime: new Date(seconds * 1000).toISOString() }, new Date(seconds * 1000).toISOString().slice(0, 10));
const attributes = (all) => list(Object.entries(all).map(([name, value]) => code(`${name}=${value}`)));

/** Each table: title, what to say without rows, and the columns with what they show of a record. */
const TABLES = {
  clients: ["Connected clients", "No client is connected.", {
    "Client id": ({ client_id: id }) => code(id),
    Principal: ({ principal }) => code(shortId(principal ?? "")),
    "Decided by": ({ method }) => method,
    "Right to connect": ({ statement }) => statement ?? "none",
  }],
  things: ["Things", "No thing is registered.", {
    Thing: ({ name }) => code(name),
    Attributes: (thing) => attributes(thing.attributes),
    Groups: ({ groups }) => names(groups),
    Principals: ({ principals }) => list(principals.map(({ principal, exclusive }) => make("span", {}, code(shortId(principal)), exclusive ? " exclusive" : ""))),
  }],
  certificates: ["Certificates", "No certificate is registered.", {
    Certificate: ({ id }) => code(id),
    Status: (certificate) => status(certificate.status),
    Things: ({ things }) => names(things),
    Policies: ({ policies }) => names(policies),
    "Registered by CA": ({ ca }) => (ca ? code(shortId(ca)) : "none"),
    "Valid until": ({ not_after: end }) => date(end),
  }],
  policies: ["Policies", "No policy is registered.", {
    Policy: ({ name }) => code(name),
    Version: ({ version }) => String(version),
    "Attached to": ({ targets }) => names(targets),
  }],
  ca_certificates: ["CA certificates", "No CA certificate is registered.", {
    "CA certificate": ({ id }) => code(id),
    Status: (ca) => status(ca.status),
    "First connect of a device": (ca) => (ca.has_template ? "runs a template (JITP)" : ca.auto_registration ? "registers it (JITR)" : "is denied"),
    "Valid until": ({ not_after: end }) => date(end),
  }],
  templates: ["Provisioning templates", "No template is registered.", {
    Template: ({ name }) => code(name),
    Type: ({ type }) => type,
    Enabled: ({ enabled }) => (enabled ? "yes" : "no"),
    Hook: ({ hook }) => (hook ? code(hook) : "none"),
  }],
  rules: ["Topic rules", "No rule is registered.", {
    Rule: ({ name }) => code(name),
    SQL: ({ sql }) => code(sql),
    Enabled: ({ enabled }) => (enabled ? "yes" : "no"),
  }],
};

/** The registry has counts, since it may have more records than the page shows. */
function table(kind, { records, count }) {
  const [title, none, columns] = TABLES[kind];
  const id = `table-${kind}`;
  const heading = make("h2", { id }, title, make("span", { class: "count" }, String(count)));
  const rows = records.map((record) => make("tr", {}, ...Object.entries(columns).map(([name, cell]) => make("td", { "data-label": name }, cell(record)))));
  const head = make("thead", {}, make("tr", {}, ...Object.keys(columns).map((name) => make("th", { scope: "col" }, name))));
  const scroll = { class: "scroll", role: "region", "aria-label": `Table: ${title}`, tabindex: "0" };
  return make(
    "section", { "aria-labelledby": id }, heading,
    rows.length ? make("div", scroll, make("table", { class: "stacked" }, head, make("tbody", {}, ...rows))) : make("p", { class: "fine" }, none),
    count > records.length ? make("p", { class: "fine" }, `The first ${records.length} of ${count}.`) : null,
  );
}

async function read() {
  try {
    const response = await fetch("/api/registry");
    if (!response.ok) throw new Error(await response.text());
    const { region, account, clients, ...kinds } = await response.json();
    $("account").textContent = `Region ${region}, account ${account}`;
    const all = { ...kinds, clients: { records: clients, count: clients.length } };
    $("tables").replaceChildren(...Object.keys(TABLES).map((kind) => table(kind, all[kind])));
    show("page-error", false);
  } catch (error) {
    $("page-error").textContent = `The gateway does not respond: ${error.message}`;
    show("page-error");
  }
}

function start() {
  let timer = null;
  const readSoon = () => { timer ??= setTimeout(() => { timer = null; read(); }, DELAY_MS); };
  const source = new EventSource("/api/events");
  source.addEventListener("open", readSoon);
  source.addEventListener("registry", readSoon);
  source.addEventListener("lost", readSoon);
  source.addEventListener("message", ({ data }) => {
    if (["connected", "closed", "refreshed"].includes(JSON.parse(data).kind)) readSoon();
  });
  source.addEventListener("error", () => { $("page-error").textContent = "The gateway does not respond. Reconnecting …"; show("page-error"); });
}

start();
