/** Making elements. Text becomes text nodes: nothing here, or anywhere, turns it into markup. */

/**
 * Return the element with that id, which index.html has.
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 * @returns {T}
 */
export function byId(id) {
  return /** @type {T} */ (document.getElementById(id));
}

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {string} [className]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function el(tag, className = "", ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

/**
 * A button that does something.
 * @param {string} className
 * @param {Node | string} label
 * @param {() => void} action
 */
export function button(className, label, action) {
  const element = el("button", className, label);
  element.type = "button";
  element.addEventListener("click", action);
  return element;
}

/** One of the icons in index.html. @param {string} name */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#${name}`);
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

/** How many hues there are in the style sheet. */
const HUES = 8;

/** A round with somebody's initial, always in the same colour. @param {string} name */
export function avatar(name) {
  let sum = 0;
  for (const sign of name.toLowerCase()) sum = (sum * 31 + (sign.codePointAt(0) ?? 0)) >>> 0;
  const round = el("span", `avatar hue-${sum % HUES}`, ([...name][0] ?? "").toUpperCase());
  round.setAttribute("aria-hidden", "true");
  return round;
}

/** A name, which can not change the direction of what is around it. @param {string} name */
export function nameOf(name) {
  return el("bdi", "name", name);
}

/** Run `work` for a press of a key or pointer that leaves a dialog, too. @param {HTMLDialogElement} dialog */
export function closeOnOutside(dialog) {
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
}
