// `cargo local` on ports of its own, for the tests from outside. BOOTSTRAP names a built function, IOT_LOCAL a built program.
import { execFileSync, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const { BOOTSTRAP, CARGO, IOT_LOCAL } = process.env;
const LOCAL = IOT_LOCAL ? [IOT_LOCAL] : [CARGO ?? "cargo", "run", "--quiet", "--locked", "--package", "iot-local", "--"];

/** What `cargo local token` prints for a subject. */
export function token(subject, ...claims) {
  const [program, ...rest] = [...LOCAL, "token", "--sub", subject, ...claims.flatMap((claim) => ["--claim", claim])];
  return execFileSync(program, rest, { cwd: ROOT, encoding: "utf8" }).trim();
}

/** An open door. */
export async function open(...options) {
  const bootstrap = BOOTSTRAP ? ["--bootstrap", BOOTSTRAP] : [];
  const [program, ...rest] = [...LOCAL, "--port", "0", "--tls-port", "0", ...bootstrap, ...options];
  const door = spawn(program, rest, { cwd: ROOT, stdio: ["ignore", "pipe", "inherit"], detached: true });
  const port = await new Promise((resolve, reject) => {
    let found;
    createInterface({ input: door.stdout }).on("line", (line) => {
      found ??= line.match(/ws:\/\/127\.0\.0\.1:(\d+)/)?.[1];
      if (line.startsWith("What happens")) resolve(found);
    });
    door.on("exit", () => reject(new Error("cargo local ended")));
  });
  // The group of the process that was started here: cargo and what it runs.
  return { port, group: door.pid, end: () => process.kill(-door.pid, "SIGTERM") };
}
