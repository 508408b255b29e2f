// Buttons of a job's row: what they do shows in the row, and the page stays where it is.
import { announce } from "./announcing.js";
import { fetchElement, follow } from "./follow.js";

export function prepareJobActions() {
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    const row = form.closest("[data-job]");
    if (!("jobAction" in form.dataset) || !row) return;
    event.preventDefault();
    if (await done(form)) await renew(row);
    else form.submit(); // the server's own page says what is wrong
  });
}

async function done(form) {
  try {
    const answer = await fetch(form.action, { method: "POST", body: new FormData(form), redirect: "manual" });
    return answer.type === "opaqueredirect";
  } catch {
    return false;
  }
}

async function renew(row) {
  const fresh = await fetchElement(`/jobs/${row.dataset.job}/row`, "[data-job]");
  if (!fresh) return;
  row.replaceWith(fresh);
  fresh.querySelector("a").focus();
  announce(fresh.querySelector(".status").textContent.trim());
  follow();
}
