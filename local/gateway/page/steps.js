// The numbered steps. Each is active, done, denied, or waits for another one and says for what.

import { $ } from "./dom.js";

const WORDS = { active: "now", done: "done", denied: "denied", waiting: "waiting" };

/** Shows the state of a step. `reason` is why it waits. */
export function setStep(number, state, reason = "") {
  const section = $(`step-${number}`);
  section.dataset.state = state;
  const badge = section.querySelector(".step");
  const sign = state === "done" ? "✓" : state === "denied" ? "!" : String(number);
  const title = `Step ${number}, ${WORDS[state]}`;
  if (badge.title !== title) {
    badge.title = title;
    badge.setAttribute("role", "img");
    badge.setAttribute("aria-label", title);
    badge.textContent = sign;
  }
  const text = section.querySelector(":scope > .waiting");
  if (text) {
    text.textContent = reason;
    text.hidden = reason === "";
  }
}

/** Shows all steps for the state of the page. */
export function showSteps({ isSignedIn, isDenied, hasPolicy, isConnected, hasActed }) {
  const denied = "The authorizer denies this token, so there is no policy.";
  setStep(1, isSignedIn ? "done" : "active");
  setStep(2, hasPolicy ? "done" : isDenied ? "denied" : "waiting", isSignedIn ? "" : "Waits for step 1: the authorizer makes the policy from your token.");
  setStep(3, isConnected ? "done" : isSignedIn ? "active" : "waiting", isSignedIn ? "" : "Waits for step 1: the token is the password of the MQTT connection.");
  setStep(4, !isConnected ? "waiting" : hasActed ? "done" : "active",
    isConnected ? "" : `Waits for step 3: each action is checked against the policy.${isDenied ? ` ${denied}` : " A denied action closes the connection, as on AWS IoT."}`);
}
