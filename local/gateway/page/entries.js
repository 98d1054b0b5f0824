// Entries of the event log as elements.

import { json, make, parseObject } from "./dom.js";

/** Text and colour of the badge, by the kind of an entry. */
const BADGES = {
  connected: ["CONNECTED", "good"],
  "connect-refused": ["DENIED", "bad"],
  allowed: ["ALLOWED", "good"],
  refused: ["DENIED", "bad"],
  refreshed: ["REFRESHED", "note"],
  closed: ["CLOSED", "note"],
  authorizer: ["AUTHORIZER", ""],
  function: ["FUNCTION", ""],
  keys: ["KEYS", ""],
  notice: ["NOTE", "note"],
  rule: ["RULE", ""],
  "protocol-error": ["PROTOCOL ERROR", "bad"],
  reloaded: ["RELOADED", "good"],
  reload_failed: ["NOT RELOADED", "bad"],
};

export function time(at) {
  const date = new Date(at);
  return make("time", { datetime: date.toISOString() }, date.toLocaleTimeString([], { hour12: false }));
}

/** The badge of a whole connection after this entry, if the entry changes it. */
export function outcomeOf(entry) {
  if (entry.kind === "authorizer") return entry.lets_in ? ["AUTHORIZED", "good"] : ["DENIED", "bad"];
  if (["allowed", "refused", "refreshed"].includes(entry.kind) || entry.connection_id) return null;
  return BADGES[entry.kind] ?? null;
}

export function render(entry) {
  const [badge, kind] = BADGES[entry.kind] ?? [entry.kind, ""];
  const raw = entry.kind === "function" ? rawLine(entry) : null;
  return make(
    "li", {},
    make("div", { class: "head" }, time(entry.at), make("span", { class: `badge ${kind}` }, badge), make("div", { class: "text" }, ...describe(entry).filter(Boolean))),
    raw,
  );
}

/** A call of the authorizer. Event, response and the function's log line are folded. */
export function calls(entry) {
  const result = entry.error ? "no response" : entry.lets_in ? "isAuthenticated true" : "isAuthenticated false";
  const text = make("div", { class: "text" }, `${result}, after ${entry.millis.toFixed(1)} ms`);
  const parts = [["Event, secrets masked", entry.event], entry.error ? ["Error", entry.error] : ["Response", entry.answer]];
  const raw = folded("Raw event, response and log line", parts);
  const badge = make("span", { class: `badge ${entry.lets_in ? "" : "bad"}` }, "AUTHORIZER");
  let hasLine = false;
  return {
    element: make("li", {}, make("div", { class: "head" }, time(entry.at), badge, text), raw),
    /** Adds the function's log line. Returns false if there is one already. */
    addLine(line) {
      if (hasLine) return false;
      hasLine = true;
      parts.push(["Log line of the function", parseObject(line.text) ?? line.text]);
      text.replaceChildren(...describeLine(line), make("div", { class: "reason" }, `${result}, after ${entry.millis.toFixed(1)} ms`));
      return true;
    },
  };
}

function describe(entry) {
  const reason = entry.reason && make("div", { class: "reason" }, entry.reason);
  switch (entry.kind) {
    case "allowed": case "refused": return [make("code", {}, `${entry.action} ${entry.resource}`), reason];
    case "connected": return [`principal ${entry.principal.slice(0, 16)}${entry.principal.length > 16 ? "…" : ""}`, reason];
    case "refreshed": return ["The authorizer was called again. Its new policy applies."];
    case "keys": return [`${entry.event}, issuer ${entry.issuer}`, reason];
    case "rule": return [make("code", {}, `${entry.rule}: ${entry.action}${entry.is_done ? "" : " FAILED"}`), reason];
    case "reload_failed": return [make("pre", { tabindex: "0" }, entry.reason)];
    case "function": return describeLine(entry);
    default: return [reason];
  }
}

/** Describes a line of the function: the main members of a JSON object, or the text. */
function describeLine(entry) {
  const fields = parseObject(entry.text);
  if (!fields) return [make("code", {}, entry.text)];
  const { decision, code, detail, policies, hint, message } = fields;
  const parts = decision ? [decision, code, detail, Array.isArray(policies) ? policies.join(", ") : null] : [message];
  const text = parts.filter((part) => typeof part === "string" && part !== "").join(" · ");
  return [text || "log entry", typeof hint === "string" ? make("div", { class: "reason" }, hint) : null].filter(Boolean);
}

/** Whether an entry is about the whole gateway, so that it is shown next to any client's. */
export const isForAll = ({ kind, event }) => ["reloaded", "reload_failed", "notice", "protocol-error"].includes(kind) || (kind === "keys" && event !== "keys_same");

function rawLine(entry) {
  const fields = parseObject(entry.text);
  return fields && folded("Raw log line", [["Log line of the function", fields]]);
}

/** Titled JSON values that are rendered when they are unfolded, since a page has hundreds of them. */
function folded(title, parts) {
  const content = make("div", {});
  const details = make("details", {}, make("summary", {}, title), content);
  details.addEventListener("toggle", () => {
    const shown = details.open ? parts.flatMap(([name, value]) => [make("h3", {}, name), make("pre", { tabindex: "0" }, ...json(value))]) : [];
    content.replaceChildren(...shown);
  });
  return details;
}
