// Buttons that copy a text: <button data-alhena-copy="ID of the element" data-alhena-copied="Copied" hidden>.
// They are shown where the browser lets a page write to the clipboard: over HTTPS and on localhost.
(function () {
  "use strict";

  /** @param {HTMLElement} button */
  async function copy(button) {
    const source = document.getElementById(button.dataset.alhenaCopy ?? "");
    if (!source) return;
    const text = source instanceof HTMLInputElement ? source.value : source.textContent ?? "";
    const label = button.textContent;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // Refused: select the text, so that the keyboard copies it.
      window.getSelection()?.selectAllChildren(source);
      return;
    }
    button.textContent = button.dataset.alhenaCopied ?? label;
    setTimeout(() => {
      button.textContent = label;
    }, 2000);
  }

  function begin() {
    if (!navigator.clipboard) return;
    for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-alhena-copy]"))) {
      button.hidden = false;
      button.addEventListener("click", () => void copy(button));
    }
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();
})();
