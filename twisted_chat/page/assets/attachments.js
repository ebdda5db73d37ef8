/** Files in texts: which links lead to one, pictures shown small, and large when they are pressed. */

import { byId, closeOnOutside, el } from "./dom.js";

/** Pixels of a picture in a text, at most. */
const WIDE = 360;
const HIGH = 280;

/** Pictures under one text, at most. */
const MOST = 8;

const LINK = /^https?:\/\/[^\s/]+\/(?:[^\s?#]*\/)?files\/([0-9a-f]{32})\/([^\s/?#]+)(?:#(\d{1,5})x(\d{1,5}))?$/u;

/** @typedef {{ path: string, name: string, width: number, height: number }} Kept */

/**
 * The file that a link leads to, or null. The server may have several names: what is shown is asked
 * for below the page's own address, where nobody else's file can have that name.
 * @param {string} href
 * @returns {Kept | null}
 */
export function fileOf(href) {
  const [, id, name = "", width = "0", height = "0"] = LINK.exec(href) ?? [];
  if (!id) return null;
  try {
    return {
      path: `files/${id}/${name}`, name: decodeURIComponent(name),
      width: Number(width), height: Number(height),
    };
  } catch {
    return null;
  }
}

/**
 * The pictures of a text, small; null where it has none.
 * @param {Element} body  the text as it is shown
 */
export function picturesOf(body) {
  const kept = [...body.querySelectorAll("a")].map((link) => fileOf(link.href));
  const pictures = kept.filter((one) => one !== null && one.width > 0 && one.height > 0);
  if (!pictures.length) return null;
  return el("div", "pictures", ...pictures.slice(0, MOST).map((one) =>
    small(/** @type {Kept} */ (one))));
}

/** @param {Kept} kept */
function small(kept) {
  const scale = Math.min(1, WIDE / kept.width, HIGH / kept.height);
  const image = new Image();
  image.width = Math.max(1, Math.round(kept.width * scale));
  image.height = Math.max(1, Math.round(kept.height * scale));
  image.alt = kept.name;
  image.loading = "lazy";
  image.decoding = "async";
  const element = el("button", "picture", image);
  element.type = "button";
  element.setAttribute("aria-label", `Show ${kept.name} large`);
  element.addEventListener("click", () => large(kept));
  image.addEventListener("error", () => element.replaceWith(
    el("span", "note", "This picture is not there any more."),
  ));
  image.src = `${kept.path}?small=1`;
  return element;
}

/** Show a picture as large as there is room. @param {Kept} kept */
function large(kept) {
  const image = new Image(kept.width, kept.height);
  image.alt = kept.name;
  image.src = kept.path;
  byId("picture-name").textContent = kept.name;
  /** @type {HTMLAnchorElement} */ (byId("picture-download")).href = `${kept.path}?download=1`;
  byId("picture-frame").replaceChildren(image);
  /** @type {HTMLDialogElement} */ (byId("picture")).showModal();
}

/** Let the large picture be closed. */
export function preparePictures() {
  const dialog = /** @type {HTMLDialogElement} */ (byId("picture"));
  closeOnOutside(dialog);
  byId("picture-close").addEventListener("click", () => dialog.close());
  byId("picture-frame").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => byId("picture-frame").replaceChildren());
}
