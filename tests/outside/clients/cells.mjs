// The cells that a program of clients plays: read as JSON from standard input. Each gets one JSON line with its error.
import { json } from "node:stream/consumers";

export const { gateway, cells } = await json(process.stdin);

/** MQTT 5's reason code (section 2.4). */
export const NOT_AUTHORIZED = 0x87;

/** Resolves with an event's argument. Node's own `once` would reject on an error event that comes first. */
export const once = (emitter, event) => new Promise((resolve) => { emitter.once(event, resolve); });

export function expect(condition, why) {
  if (!condition) throw new Error(why);
}

/** Plays a cell in time, and prints its line. */
export async function report(cell, id, play, seconds = 30) {
  const timeout = new Promise((_, reject) => { setTimeout(() => reject(new Error(`not finished within ${seconds} seconds`)), seconds * 1000); });
  const error = await Promise.race([play(cell), timeout]).then(() => null, (reason) => String(reason?.message ?? reason));
  console.log(JSON.stringify({ id, error }));
}
