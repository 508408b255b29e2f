// "Check on the map": the answer's place, drawn on a map, without leaving the page.
import { announce } from "../announcing.js";

export function preparePreview() {
  const form = document.getElementById("answer");
  if (!form) return;
  drawMaps(form);
  form.addEventListener("submit", async (event) => {
    if (event.submitter?.name !== "check") return;
    event.preventDefault();
    const fresh = await checked(form, event.submitter).catch(() => null);
    if (!fresh) {
      form.submit();
      return;
    }
    const typed = document.activeElement?.id;
    form.replaceWith(fresh);
    document.dispatchEvent(new Event("jobchange"));
    say(fresh, typed);
  });
}

async function checked(form, submitter) {
  const answer = await fetch(form.action, { method: "POST", body: new FormData(form, submitter) });
  if (answer.redirected) return null;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return page.getElementById("answer");
}

function say(form, typed) {
  const problem = form.querySelector(".problem");
  const place = form.querySelector("#preview [data-place]");
  announce((problem ?? place)?.textContent.trim() ?? "");
  if (problem) form.querySelector("[aria-invalid=true]")?.focus();
  else if (place) form.querySelector("#preview").focus();
  else document.getElementById(typed)?.focus();
}

// A map to move about in takes the place of the server's picture.
async function drawMaps(form) {
  const target = form.querySelector("#preview [data-map]");
  if (!target) return;
  const { showPlaces } = await import("./place_map.js");
  showPlaces(target);
}
