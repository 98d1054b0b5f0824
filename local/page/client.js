// The MQTT client, and how long its connection may last.

import mqtt from "./vendor/mqtt.esm.js";
import { $, clock, make, show, tell } from "./dom.js";

let client = null;
let clientId = null;
let connection = null;
let times = null;
let scale = 1;

export const isMine = (entry) => clientId !== null && entry.client === clientId;
export const isConnected = () => client !== null && client.connected;

/** Connects once. What becomes of it is shown; `changed` is called whenever it is another state. */
export function connect(id, token, timeScale, changed) {
  [clientId, connection, times, scale] = [id, null, null, timeScale];
  const socket = location.protocol === "https:" ? "wss" : "ws";
  const mine = mqtt.connect(`${socket}://${location.host}/mqtt`, {
    clientId: id, username: id, password: token, protocolVersion: 5, clean: true, connectTimeout: 15_000,
    // A refused client that tried again by itself would only hammer the authorizer.
    reconnectPeriod: 0,
    // Its other timers are a worker from a blob, which the page's policy does not allow.
    timerVariant: "native",
  });
  client = mine;
  mine.on("connect", () => {
    tell("connect-result", "good", "CONNECTED", "");
    changed();
  });
  mine.on("message", (topic, payload, packet) => receive(topic, payload, packet.retain));
  mine.on("disconnect", (packet) => { mine.reason = packet.reasonCode; });
  mine.on("error", (error) => {
    tell("connect-result", "bad", "REFUSED", `${error.message}. The event log says why.`);
    mine.end(true);
  });
  mine.on("close", () => {
    if (client !== mine) return;
    if (mine.reason !== undefined) {
      tell("connect-result", "bad", "CLOSED", `by the door, MQTT reason 0x${mine.reason.toString(16).toUpperCase()}.`);
    } else if (mine.leaving) {
      tell("connect-result", "", "", "You have disconnected.");
    }
    client = null;
    times = null;
    mine.end(true);
    changed();
  });
}

export function disconnect() {
  if (!client) return;
  client.leaving = true;
  client.end();
}

/** Publishes with QoS 1. The log brings what became of it. */
export function publish(topic, payload) {
  client?.publish(topic, payload, { qos: 1 }, () => {});
}

export function subscribe(filter) {
  client?.subscribe(filter, { qos: 1 }, () => {});
}

function receive(topic, payload, retained) {
  show("no-messages", false);
  const now = new Date();
  $("messages").prepend(make(
    "li", {},
    make("time", { datetime: now.toISOString() }, now.toLocaleTimeString([], { hour12: false })), " ",
    make("code", {}, topic), ...(retained ? [" ", make("span", { class: "badge note" }, "RETAINED")] : []),
    make("span", { class: "payload" }, payload.toString().slice(0, 4096)),
  ));
  while ($("messages").children.length > 50) $("messages").lastElementChild.remove();
}

/** Learns from the log when the connection is refreshed and ended. */
export function hear(entry) {
  if (!isMine(entry)) return;
  if (entry.kind === "connected") connection = entry.connection;
  // The call comes before the entry that it leads to. It may be one that only asked what a token buys.
  if (entry.kind === "authorizer" && entry.lets_in) {
    hear.calls.set(entry.connection, entry.answer);
  }
  const answer = hear.calls.get(entry.connection);
  if (entry.kind === "connected" && answer) {
    times = { from: entry.at, refreshed: entry.at, refresh: answer.refreshAfterInSeconds, end: answer.disconnectAfterInSeconds };
    hear.calls.clear();
    hear.calls.set(entry.connection, answer);
  }
  if (entry.kind === "refreshed" && times && answer) {
    times = { ...times, refreshed: entry.at, refresh: answer.refreshAfterInSeconds };
  }
  if (entry.kind === "closed" && entry.connection === connection) {
    times = null;
    const note = make("span", {}, ` Closed: ${entry.reason}.`);
    if (!$("connect-result").textContent.includes(entry.reason)) $("connect-result").append(note);
  }
}
hear.calls = new Map();

/** Draws the time that is left. */
export function tick() {
  show("clocks", times !== null && isConnected());
  if (!times) return;
  const now = Date.now();
  const draw = (name, from, seconds) => {
    const whole = seconds / scale;
    const left = Math.max(0, whole - (now - from) / 1000);
    $(`${name}-left`).textContent = scale > 1 ? `${clock(left)} (${scale} times as fast)` : clock(left);
    $(`${name}-bar`).value = whole > 0 ? left / whole : 0;
  };
  draw("refresh", times.refreshed, Math.min(times.refresh, times.end));
  draw("disconnect", times.from, times.end);
}
