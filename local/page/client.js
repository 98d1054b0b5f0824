// The MQTT client, and how long its connection may last.

import mqtt from "./vendor/mqtt.esm.js";
import { $, clock, make, show, tell } from "./dom.js";

let client = null;
let clientId = null;
let connection = null;
let times = null;
let scale = 1;
/** What client and door say of the end, which come in either order. */
let ending = {};
/** The authorizer's answers by connection: a call is told before the connect that it leads to. */
const answers = new Map();

export const isMine = (entry) => clientId !== null && entry.client === clientId;
export const isConnected = () => client !== null && client.connected;

/** Connects once. What becomes of it is shown; `changed` is called whenever it is another state. */
export function connect(id, token, { time_scale: timeScale, authorizer }, changed) {
  [clientId, connection, times, scale, ending] = [id, null, null, timeScale, {}];
  const socket = location.protocol === "https:" ? "wss" : "ws";
  const name = authorizer ? `?x-amz-customauthorizer-name=${encodeURIComponent(authorizer)}` : "";
  const mine = mqtt.connect(`${socket}://${location.host}/mqtt${name}`, {
    clientId: id, username: id, password: token, protocolVersion: 5, clean: true, connectTimeout: 15_000,
    // A refused client that tried again by itself would only hammer the authorizer.
    reconnectPeriod: 0,
    // Its other timers are a worker from a blob, which the page's policy does not allow.
    timerVariant: "native",
  });
  client = mine;
  mine.on("connect", () => {
    tell("connect-result", "good", "CONNECTED", "");
    tick();
    changed();
  });
  mine.on("message", (topic, payload, packet) => receive(topic, payload, packet.retain));
  mine.on("disconnect", (packet) => { ending.code = packet.reasonCode; });
  mine.on("error", (error) => {
    ending.error = error.message;
    tellEnding();
    mine.end(true);
  });
  mine.on("close", () => {
    if (client !== mine) return;
    client = null;
    times = null;
    mine.end(true);
    tellEnding();
    changed();
  });
}

function tellEnding() {
  const sentence = (text) => (text ? `${text[0].toUpperCase()}${text.slice(1)}.` : "");
  if (ending.error || ending.refusal) {
    tell("connect-result", "bad", "REFUSED", sentence(ending.refusal ?? ending.error));
  } else if (!client && (ending.reason || ending.code !== undefined)) {
    const code = ending.code === undefined ? "" : ` MQTT reason 0x${ending.code.toString(16).toUpperCase()}.`;
    tell("connect-result", "note", "CLOSED", `${sentence(ending.reason)}${code}`);
  }
}

export function disconnect() {
  client?.end();
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
  if (entry.kind === "authorizer" && entry.lets_in) answers.set(entry.connection, entry.answer);
  const answer = answers.get(entry.connection);
  if (entry.kind === "connected" && answer) {
    connection = entry.connection;
    times = { from: entry.at, refreshed: entry.at, refresh: answer.refreshAfterInSeconds, end: answer.disconnectAfterInSeconds };
    answers.clear();
  }
  if (entry.kind === "refreshed" && times && answer) {
    times = { ...times, refreshed: entry.at, refresh: answer.refreshAfterInSeconds };
  }
  tick();
  if (entry.kind === "connect-refused") {
    ending.refusal = entry.reason;
    tellEnding();
  }
  if (entry.kind === "closed" && entry.connection === connection) {
    ending.reason = entry.reason;
    tellEnding();
  }
}

/** Draws the time that is left: when it is learnt, and then again and again. */
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
