/**
 * Going through the texts by keyboard: Ctrl-ArrowUp leads from the field to the newest text, the
 * arrow keys from one to the next, Enter opens the menu of a text, Escape leads back.
 */

/** @import { Composer } from "./composer.js" */

import { byId } from "./dom.js";

/** @param {Composer} composer */
export function walkTexts(composer) {
  const list = byId("texts");
  /** @returns {HTMLElement[]} the buttons of the texts that are in the page */
  const stops = () => [...list.querySelectorAll(".row .more")].filter((one) => one instanceof HTMLElement);
  /** @param {HTMLElement | undefined} stop */
  const go = (stop) => {
    stop?.closest(".row")?.scrollIntoView({ block: "nearest" });
    stop?.focus({ preventScroll: true });
  };
  for (const id of ["write", "scroller"]) {
    byId(id).addEventListener("keydown", (event) => {
      const isMine = id === "write" || event.target === byId("scroller");
      if (!isMine || event.key !== "ArrowUp" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      go(stops().at(-1));
    });
  }
  list.addEventListener("keydown", (event) => {
    const { target, key } = event;
    if (!(target instanceof HTMLElement) || !target.classList.contains("more")) return;
    if (key === "ArrowUp" || key === "ArrowDown") {
      event.preventDefault();
      const all = stops();
      go(all[all.indexOf(target) + (key === "ArrowUp" ? -1 : 1)]);
    } else if (key === "Escape") {
      event.stopPropagation();
      composer.focus();
    }
  });
}
