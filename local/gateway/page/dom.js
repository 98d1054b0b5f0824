// Creates elements from data. Data is inserted only as text, never as markup.

export const $ = (id) => document.getElementById(id);

/** Creates an element: `make("li", { class: "x" }, "text", childElement)`. */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Shows or hides an element. */
export const show = (id, isShown = true) => { $(id).hidden = !isShown; };

/** Shows the result of an action: a badge and a text. */
export function showResult(id, kind, badge, text) {
  $(id).replaceChildren(...(badge ? [make("span", { class: `badge ${kind}` }, badge)] : []), text);
}

/** Makes a button copy the text that `text` returns. The button confirms it for a moment. */
export function copyOn(button, text) {
  const label = button.textContent;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text());
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = label; }, 1500);
  });
}

/** Returns the object in a text, or null. */
export function parseObject(text) {
  try {
    const value = JSON.parse(text);
    return value && typeof value === "object" && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

/** Renders JSON, indented and coloured, as a list of nodes. */
export function json(value, indent = "") {
  const inner = `${indent}  `;
  const list = (open, close, items) => {
    const nodes = [open];
    items.forEach((item, index) => nodes.push(`${index ? "," : ""}\n${inner}`, ...item));
    return [...nodes, `\n${indent}${close}`];
  };
  const color = (kind, part) => make("span", { class: `json-${kind}` }, JSON.stringify(part));
  if (Array.isArray(value)) {
    if (value.every((item) => typeof item !== "object")) {
      return ["[", ...value.flatMap((item, index) => [index ? ", " : "", ...json(item)]), "]"];
    }
    return list("[", "]", value.map((item) => json(item, inner)));
  }
  if (value && typeof value === "object") {
    const members = Object.entries(value);
    return members.length ? list("{", "}", members.map(([name, item]) => [color("key", name), ": ", ...json(item, inner)])) : ["{}"];
  }
  return [color(typeof value === "string" ? "text" : "value", value)];
}

/** Formats a number of seconds as `1:02:03` or `2:03`. */
export function clock(seconds) {
  const whole = Math.max(0, Math.ceil(seconds));
  const pad = (number) => String(number).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours ? `${hours}:${pad(minutes)}:${pad(whole % 60)}` : `${minutes}:${pad(whole % 60)}`;
}
