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

/** Have an element say something; one that does already is left alone. @param {string} id @param {string} words */
export function write(id, words) {
  const element = byId(id);
  if (element.textContent !== words) element.textContent = words;
}

/** A name, which can not change the direction of what is around it. @param {string} name */
export function nameOf(name) {
  return el("bdi", "name", name);
}

/**
 * A button in a list, and how it looks.
 * @typedef {object} Entry
 * @property {string} key  which it is
 * @property {string} look  changes when it looks different
 * @property {() => void} act
 * @property {(button: HTMLButtonElement) => void} paint
 */

/**
 * Have a list show these entries, in this order. A button stays as long as its entry is there,
 * whatever changes around it: so it can be pressed, and have the focus, in the busiest of times.
 * @param {HTMLElement} list
 * @param {Entry[]} entries
 */
export function arrange(list, entries) {
  /** @type {Map<string | undefined, Element>} */
  const there = new Map();
  for (const item of list.children) {
    if (item instanceof HTMLElement) there.set(item.dataset["key"], item);
  }
  /** @type {Element | null} */
  let next = list.firstElementChild;
  for (const entry of entries) {
    const item = there.get(entry.key) ?? newItem(entry);
    there.delete(entry.key);
    if (item === next) next = item.nextElementSibling;
    else list.insertBefore(item, next);
    paint(item, entry);
  }
  for (const item of there.values()) item.remove();
}

/** @param {Entry} entry */
function newItem(entry) {
  const item = el("li", "", button("entry", "", entry.act));
  item.dataset["key"] = entry.key;
  return item;
}

/**
 * @param {Element} item
 * @param {Entry} entry
 */
function paint(item, entry) {
  const element = item.firstElementChild;
  if (!(element instanceof HTMLButtonElement) || element.dataset["look"] === entry.look) return;
  element.dataset["look"] = entry.look;
  element.replaceChildren();
  entry.paint(element);
}

/** Run `work` for a press of a key or pointer that leaves a dialog, too. @param {HTMLDialogElement} dialog */
export function closeOnOutside(dialog) {
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
}
