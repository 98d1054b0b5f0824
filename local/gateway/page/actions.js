// Publish, subscribe, and the messages that arrive.

import * as client from "./client.js";
import { $, copyOn, make, show, showResult } from "./dom.js";

const MAX_MESSAGES = 50;
/** The form of an action in the event log. */
const FORMS = { "iot:Publish": "publish", "iot:RetainPublish": "publish", "iot:Subscribe": "subscribe" };

/** Installs the forms. */
export function start() {
  const act = (name, action) => (event) => {
    event.preventDefault();
    if (!client.isConnected()) return showResult(`${name}-result`, "note", "NOT CONNECTED", "Connect first.");
    showResult(`${name}-result`, "", "", "Waiting for the gateway …");
    return action();
  };
  $("subscribe-form").addEventListener("submit", act("subscribe", () => client.subscribe($("filter").value)));
  $("publish-form").addEventListener("submit", act("publish", () =>
    client.publish($("topic").value, $("payload").value, { qos: Number($("qos").value), retain: $("retain").checked })));
  $("clear-messages").addEventListener("click", clearMessages);
  copyOn($("copy-messages"), () => [...$("messages").children].map((item) => item.dataset.line).reverse().join("\n"));
  client.onMessage(showMessage);
}

/** Shows topics and filters that the policy allows and denies, or one whose decision is not known before. */
export function showExamples(field, { allowed, denied, usual }) {
  const button = (value, kind, badge) => {
    const element = make("button", { type: "button" }, badge && make("span", { class: `badge ${kind}` }, badge), make("code", {}, value));
    element.addEventListener("click", () => { $(field).value = value; $(field).focus(); });
    return element;
  };
  $(field).value = allowed ?? denied ?? usual ?? "";
  $(`${field}-examples`).replaceChildren(
    ...(allowed ? [button(allowed, "good", "ALLOWED")] : []),
    ...(denied ? [button(denied, "bad", "DENIED")] : []),
    ...(usual ? [button(usual, "", null)] : []),
  );
}

/** Shows the result of an action, which the event log has. Returns whether the entry is one. */
export function handle(entry) {
  const form = FORMS[entry.action];
  if (!form || !["allowed", "refused"].includes(entry.kind)) return false;
  const isAllowed = entry.kind === "allowed";
  showResult(`${form}-result`, isAllowed ? "good" : "bad", isAllowed ? "ALLOWED" : "DENIED", entry.reason);
  return true;
}

function showMessage(topic, payload, packet) {
  show("no-messages", false);
  const now = new Date();
  const text = payload.toString().slice(0, 4096);
  const flags = [...(packet.qos ? [`QoS ${packet.qos}`] : []), ...(packet.retain ? ["retained"] : [])];
  $("messages").prepend(make(
    "div", { class: "message", "data-line": `${now.toISOString()} ${topic} ${text}` },
    make("time", { datetime: now.toISOString() }, now.toLocaleTimeString([], { hour12: false })), " ",
    make("code", {}, topic), ...flags.flatMap((flag) => [" ", make("span", { class: "badge note" }, flag)]),
    make("span", { class: "payload" }, text),
  ));
  while ($("messages").children.length > MAX_MESSAGES) $("messages").lastElementChild.remove();
}

function clearMessages() {
  $("messages").replaceChildren();
  show("no-messages");
}

/** Removes the results of an earlier connection. */
export const clearResults = () => ["subscribe-result", "publish-result"].forEach((id) => showResult(id, "", "", ""));

/** Removes everything that belongs to a session. */
export function clear() {
  clearMessages();
  clearResults();
}
