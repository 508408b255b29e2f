// The upload page: choices are remembered, each file becomes a row that goes from bytes to map.
import "./site.js";

import { follow } from "./follow.js";
import { prepareJobActions } from "./job_actions.js";
import { Row } from "./upload/row.js";
import { FileSet } from "./upload/set.js";
import { prepareUnfinished, takeUnfinished } from "./upload/unfinished.js";
import { bytesText } from "./upload/words.js";

const AT_ONCE = 2;
const form = document.getElementById("upload");
const queue = [];
let running = 0;

if (form) {
  rememberChoices();
  takeFiles();
  prepareUnfinished(csrfToken, () => document.getElementById("file").click());
  prepareJobActions();
  follow();
}

function rememberChoices() {
  const { collection } = form.elements;
  const remembered = localStorage.getItem("collection");
  const known = [...collection.options].some((option) => option.value === remembered);
  if (known && !("fixed" in collection.dataset)) {
    collection.value = remembered;
    presetVisibility();
  }
  limitVisibility();
  collection.addEventListener("change", () => {
    localStorage.setItem("collection", collection.value);
    presetVisibility();
    limitVisibility();
  });
}

function collectionVisibility() {
  return form.elements.collection.selectedOptions[0].dataset.visibility;
}

function presetVisibility() {
  form.elements.visibility.value = collectionVisibility();
}

// A map in a private collection cannot be public.
function limitVisibility() {
  const isPrivate = collectionVisibility() === "private";
  document.getElementById("public").disabled = isPrivate;
  document.getElementById("visibility-help").hidden = !isPrivate;
  if (isPrivate) form.elements.visibility.value = "private";
}

function takeFiles() {
  const input = document.getElementById("file");
  const drop = document.getElementById("drop");
  input.addEventListener("change", () => {
    add([...input.files]);
    input.value = "";
  });
  for (const type of ["dragenter", "dragover"]) {
    drop.addEventListener(type, (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
  }
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    add([...event.dataTransfer.files]);
  });
  const fetchButton = form.querySelector("[data-import]");
  form.addEventListener("submit", (event) => {
    if (fetchButton && event.submitter === fetchButton) return; // the server's own
    event.preventDefault();
    if (document.activeElement.id === "url") form.requestSubmit(fetchButton);
  });
  addEventListener("beforeunload", (event) => running && event.preventDefault());
}

function add(files) {
  const choices = {
    collection: form.elements.collection.value,
    visibility: form.elements.visibility.value,
  };
  const isSet = form.elements.together.checked && files.length > 1;
  const set = isSet ? new FileSet({ ...choices, csrfToken }) : null;
  document.getElementById("files").hidden = false;
  for (const file of files) {
    // Files of a set wait on the server until all are there: they name no collection.
    const sending = isSet ? { metadata: {}, set } : { ...takeUnfinished(file), metadata: choices };
    const row = new Row(file, { ...sending, csrfToken, start });
    document.getElementById("rows").prepend(row.element);
    if (file.size > Number(form.dataset.limit)) row.rest(tooLarge(file));
    else start(row);
  }
}

// The cookie's is the newer one after a sign-in in another window.
function csrfToken() {
  const cookie = document.cookie.split("; ").find((pair) => pair.startsWith("csrftoken="));
  return cookie?.split("=")[1] ?? form.elements.csrfmiddlewaretoken.value;
}

function tooLarge(file) {
  const limit = bytesText(Number(form.dataset.limit));
  return new Error(`It has ${bytesText(file.size)}; this server takes ${limit} at most.`);
}

function start(row) {
  queue.push(row);
  next();
}

async function next() {
  if (running >= AT_ONCE || !queue.length) return;
  running++;
  await queue.shift().run();
  running--;
  next();
}
