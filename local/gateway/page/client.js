// The MQTT client of this page, and the time limits of its connection.

import mqtt from "./vendor/mqtt.esm.js";
import { $, clock, make, show, showResult } from "./dom.js";

let client = null;
let connection = null;
let times = null;
let scale = 1;
let listener = () => {};
/** Why the connection ended, from the client and from the event log, which arrive in any order. */
let ending = {};
/** The authorizer's responses by connection. The entry of a call precedes the entry of its connect. */
const responses = new Map();
/** The client ids that this page uses. */
const ids = new Set();

export const isMine = (id) => ids.has(id);
/** Marks client ids as this page's. */
export const claim = (...more) => more.forEach((id) => ids.add(id));
export const isConnected = () => client !== null && client.connected;
/** Sets what receives messages: topic, payload, packet. */
export const onMessage = (receive) => { listener = receive; };

/** Shows which client ids the token may use, and what this page's transport is. */
export function showRule(patterns, { tls_port: tlsPort }) {
  const list = patterns.flatMap((pattern, index) => [index ? ", " : "", make("code", {}, pattern)]);
  const star = patterns.some((pattern) => pattern.endsWith("*")) ? "* stands for one or more characters." : "";
  $("client-rule").replaceChildren(...(list.length ? ["Allowed for this token: ", ...list, ". ", star] : []));
  const address = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/mqtt`;
  $("transport-note").textContent = `A browser can use MQTT over WebSocket only. This page connects to ${address}, which AWS IoT offers only with TLS.`
    + (tlsPort ? ` Port ${tlsPort} has MQTT and WebSocket with TLS for your own client.` : "");
}

/** The address and the MQTT options of a client that connects with a token. */
export const withToken = (id, token, { authorizer }) => ({
  query: authorizer ? `?x-amz-customauthorizer-name=${encodeURIComponent(authorizer)}` : "",
  username: id, password: token,
});

/** The same of a client whose address is signed. */
export const withSignature = (query) => ({ query: `?${query}` });

/**
 * Connects once, and shows the outcome. Calls `onChange` whenever the state of the connection changes.
 * `credentials` are of `withToken` or `withSignature`; `options` has the MQTT version and the will.
 */
export function connect(id, { query, ...credentials }, { time_scale: timeScale }, options, onChange) {
  claim(id);
  [connection, times, scale, ending] = [null, null, timeScale, {}];
  const socket = location.protocol === "https:" ? "wss" : "ws";
  const current = mqtt.connect(`${socket}://${location.host}/mqtt${query}`, {
    clientId: id, ...credentials, clean: true, connectTimeout: 15_000, ...options,
    // A denied client must not reconnect by itself, which would call the authorizer again and again.
    reconnectPeriod: 0,
    // The default timers need a worker from a blob, which the Content-Security-Policy forbids.
    timerVariant: "native",
  });
  client = current;
  let wasConnected = false;
  current.on("connect", () => {
    wasConnected = true;
    showResult("connect-result", "good", "CONNECTED", "");
    tick();
    onChange();
  });
  current.on("message", (topic, payload, packet) => listener(topic, payload, packet));
  current.on("disconnect", (packet) => { ending.code = packet.reasonCode; });
  current.on("error", (error) => {
    ending.error = error.message;
    showEnding();
    current.end(true);
  });
  current.on("close", () => {
    if (client !== current) return;
    client = null;
    times = null;
    // A browser does not learn the status of a WebSocket that is not opened.
    if (!wasConnected) ending.error ??= "the gateway closed the connection before it was established; the event log of all clients has the reason";
    current.end(true);
    showEnding();
    onChange();
  });
}

/** A reason as a sentence. The name of an action keeps its form. */
const sentence = (text) => (text ? `${text.startsWith("iot:") ? "i" : text[0].toUpperCase()}${text.slice(1).replace(/\.$/, "")}.` : "");

function showEnding() {
  if (ending.error || ending.denial) {
    showResult("connect-result", "bad", "DENIED", [sentence(ending.denial ?? ending.error), ending.explanation].filter(Boolean).join(" "));
  } else if (!client && (ending.reason || ending.code !== undefined)) {
    const code = ending.code === undefined ? "" : ` MQTT reason code 0x${ending.code.toString(16).toUpperCase()}.`;
    showResult("connect-result", "note", "CLOSED", `${sentence(ending.reason)}${code}`);
  }
}

/** Ends the connection with a DISCONNECT packet, or without one, so that the broker sends the will. */
export function disconnect(isAbrupt = false) {
  if (isAbrupt) client?.stream?.destroy();
  else client?.end();
}

/** Publishes. The outcome comes from the event log. */
export function publish(topic, payload, options) {
  client?.publish(topic, payload, options, () => {});
}

/** Subscribes with QoS 1. The outcome comes from the event log. */
export function subscribe(filter) {
  client?.subscribe(filter, { qos: 1 }, () => {});
}

/** Updates times and ending of the connection from an entry of the event log. */
export function handle(entry) {
  if (entry.kind === "authorizer" && entry.lets_in) responses.set(entry.connection, entry.answer);
  const response = responses.get(entry.connection);
  if (entry.kind === "connected") connection = entry.connection;
  if (entry.kind === "connected" && response) {
    times = {
      connected: entry.at,
      refreshed: entry.at,
      refreshSeconds: response.refreshAfterInSeconds,
      disconnectSeconds: response.disconnectAfterInSeconds,
    };
    responses.clear();
  }
  if (entry.kind === "refreshed" && times && response) {
    times = { ...times, refreshed: entry.at, refreshSeconds: response.refreshAfterInSeconds };
  }
  tick();
  if (entry.kind === "connect-refused") {
    ending.denial = entry.reason;
    showEnding();
  }
  if (entry.kind === "closed" && entry.connection === connection) {
    ending.reason = entry.reason;
    showEnding();
  }
}

/** Adds the authorizer's code and what to do to a denied connect. */
export function explain(explanation) {
  ending.explanation = explanation;
  if (ending.denial) showEnding();
}

/** Shows the remaining times. */
export function tick() {
  show("clocks", times !== null && isConnected());
  if (!times) return;
  const now = Date.now();
  const showRemaining = (name, from, seconds) => {
    const total = seconds / scale;
    const remaining = Math.max(0, total - (now - from) / 1000);
    $(`${name}-left`).textContent = scale > 1 ? `${clock(remaining)} (${scale} times as fast)` : clock(remaining);
    $(`${name}-bar`).value = total > 0 ? remaining / total : 0;
  };
  showRemaining("refresh", times.refreshed, Math.min(times.refreshSeconds, times.disconnectSeconds));
  showRemaining("disconnect", times.connected, times.disconnectSeconds);
}
