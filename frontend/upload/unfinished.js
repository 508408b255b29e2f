// Rows of uploads that stopped half way, in this browser or another: the same file goes on.
import { discard } from "./transport.js";

// The row that waits for this file, taken off the page; null where none does.
export function takeUnfinished(file) {
  const row = all().find((element) => isOf(element, file));
  if (!row) return null;
  row.remove();
  return { address: row.dataset.unfinished, safe: Number(row.dataset.received) };
}

export function prepareUnfinished(csrfToken, choose) {
  for (const row of all()) {
    row.querySelector("[data-choose]").addEventListener("click", choose);
    row.querySelector("[data-discard]").addEventListener("click", async () => {
      await discard(row.dataset.unfinished, csrfToken());
      row.remove();
    });
  }
}

function all() {
  return [...document.querySelectorAll("[data-unfinished]")];
}

// Name and size, and the time of the last change where the sender told it.
function isOf({ dataset }, file) {
  const modified = metadataValue(dataset.metadata, "modified");
  return (
    dataset.name === file.name &&
    Number(dataset.size) === file.size &&
    (!modified || modified === `${file.lastModified}`)
  );
}

function metadataValue(text, key) {
  const pair = text.split(",").find((part) => part.trim().startsWith(`${key} `));
  return pair ? atob(pair.trim().split(" ")[1]) : "";
}
