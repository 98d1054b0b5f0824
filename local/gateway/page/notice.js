// Shows that the gateway has reloaded its configuration, or could not.

import { $, make, show } from "./dom.js";

/** Shows an entry of kind `reloaded` or `reload_failed`. Returns whether the configuration has changed. */
export function showReload({ kind, files, reason }) {
  const isLoaded = kind === "reloaded";
  $("notice").className = `notice ${isLoaded ? "good" : "bad"}`;
  const dismiss = make("button", { type: "button", class: "small" }, "Dismiss");
  dismiss.addEventListener("click", () => show("notice", false));
  $("notice").replaceChildren(
    make("strong", {}, isLoaded ? "Configuration changed." : "The changed configuration has errors."), " ",
    isLoaded ? "The policy below is the new one. An open connection keeps its policy until the next refresh: connect again to use the new one at once."
      : "The earlier configuration stays in use. Fix the files; they are read again when you save.",
    make("pre", { tabindex: "0" }, isLoaded ? files.join("\n") : reason), dismiss,
  );
  show("notice");
  return isLoaded;
}
