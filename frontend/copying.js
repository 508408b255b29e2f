// Copy buttons: data-copy names an element, data-copy-text holds an address of this site.
import { announce } from "./announcing.js";

const SHOWN_MS = 2000;

export function prepareCopying() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy], [data-copy-text]");
    if (button) copy(button, textFor(button));
  });
}

export async function copy(button, text) {
  const word = button.querySelector("[data-word]");
  const before = word.dataset.before ?? (word.dataset.before = word.textContent);
  const done = (await toClipboard(text)) ? "Copied" : "Select it and copy";
  word.textContent = done;
  announce(done);
  setTimeout(() => (word.textContent = before), SHOWN_MS);
}

function textFor(button) {
  if (button.dataset.copyText) return new URL(button.dataset.copyText, location.origin).href;
  return document.getElementById(button.dataset.copy).textContent;
}

// The clipboard belongs to secure pages; the older way works on plain HTTP in a local network.
async function toClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = document.createElement("textarea");
    field.value = text;
    field.className = "hidden";
    document.body.append(field);
    field.select();
    const copied = document.execCommand("copy");
    field.remove();
    return copied;
  }
}
