// `cargo local` on free ports. BOOTSTRAP names a built authorizer to run, IOT_LOCAL a built `iot-local`.
import { execFileSync, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const { BOOTSTRAP, CARGO, IOT_LOCAL } = process.env;
const BUILD_AND_RUN = [CARGO ?? "cargo", "run", "--quiet", "--locked", "--package", "iot-local", "--"];
const COMMAND = IOT_LOCAL ? [IOT_LOCAL] : BUILD_AND_RUN;
// The banner's last line; log entries follow.
const READY = "Event log";

/** The token that `cargo local token` prints for a subject; `claims` are `NAME=VALUE`. */
export function token(subject, ...claims) {
  const [program, ...rest] = [...COMMAND, "token", "--sub", subject, ...claims.flatMap((claim) => ["--claim", claim])];
  return execFileSync(program, rest, { cwd: ROOT, encoding: "utf8" }).trim();
}

/** A running local gateway: its port, its address, its process group. */
export async function start(...options) {
  const bootstrap = BOOTSTRAP ? ["--bootstrap", BOOTSTRAP] : [];
  const [program, ...rest] = [...COMMAND, "--port", "0", "--tls-port", "0", "--mqtts-port", "0", ...bootstrap, ...options];
  const gateway = spawn(program, rest, { cwd: ROOT, stdio: ["ignore", "pipe", "inherit"], detached: true });
  const port = await new Promise((resolve, reject) => {
    let found;
    createInterface({ input: gateway.stdout }).on("line", (line) => {
      found ??= line.match(/ws:\/\/127\.0\.0\.1:(\d+)/)?.[1];
      if (line.startsWith(READY)) resolve(found);
    });
    gateway.on("exit", () => reject(new Error("cargo local ended")));
  });
  // The group of the process that was started here: cargo and what it runs.
  const end = () => {
    const ended = new Promise((resolve) => gateway.on("exit", resolve));
    process.kill(-gateway.pid, "SIGTERM");
    return ended;
  };
  return { port, address: `http://127.0.0.1:${port}/`, group: gateway.pid, end };
}
