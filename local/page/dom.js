// Elements from data. Data goes in as text only, never as markup.

export const $ = (id) => document.getElementById(id);

/** An element: `make("li", { class: "x" }, "text", otherElement)`. */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export const show = (id, shown = true) => { $(id).hidden = !shown; };

/** A line with a badge before it, as the answer to what somebody did. */
export function tell(id, kind, badge, text) {
  $(id).replaceChildren(...(badge ? [make("span", { class: `badge ${kind}` }, badge)] : []), text);
}

/** JSON, indented and coloured. */
export function json(value, indent = "") {
  const inner = `${indent}  `;
  const list = (open, close, items) => {
    const nodes = [open];
    items.forEach((item, at) => nodes.push(`${at ? "," : ""}\n${inner}`, ...item));
    return [...nodes, `\n${indent}${close}`];
  };
  const paint = (kind, part) => make("span", { class: `json-${kind}` }, JSON.stringify(part));
  if (Array.isArray(value)) {
    if (value.every((item) => typeof item !== "object")) {
      return ["[", ...value.flatMap((item, at) => [at ? ", " : "", ...json(item)]), "]"];
    }
    return list("[", "]", value.map((item) => json(item, inner)));
  }
  if (value && typeof value === "object") {
    const members = Object.entries(value);
    return members.length ? list("{", "}", members.map(([name, item]) => [paint("key", name), ": ", ...json(item, inner)])) : ["{}"];
  }
  return [paint(typeof value === "string" ? "text" : "value", value)];
}

/** `1:02:03` of a number of seconds. */
export function clock(seconds) {
  const whole = Math.max(0, Math.ceil(seconds));
  const two = (number) => String(number).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}
