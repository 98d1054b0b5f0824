// Checks: each prints one line and is counted; `finish` prints the counts, which `./test` reads, and ends the program.
const counts = { passed: 0, failed: 0, skipped: 0 };

/** Counts one check. `detail` explains a failure. */
export function check(title, passed, detail = "") {
  counts[passed ? "passed" : "failed"] += 1;
  console.log(passed ? `ok: ${title}` : `FAILED: ${title}: ${detail}`);
}

/** Counts one check that this machine cannot make. */
export function skip(title, why) {
  counts.skipped += 1;
  console.log(`skipped: ${title} (${why})`);
}

/** Prints the counts and exits: 1 if a check failed. */
export function finish() {
  console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  process.exit(counts.failed ? 1 : 0);
}
