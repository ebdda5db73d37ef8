/** Whether somebody is looking at the page. */
export function attentive() {
  return document.visibilityState === "visible" && document.hasFocus();
}
