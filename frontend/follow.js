// Keeps what a page shows of the caller's jobs up to date: one stream a page, else polling.
import { announce } from "./announcing.js";

const POLL_MS = 2000;
let stream = null;
let timer = 0;

// Called again whenever a job was added to the page.
export function follow() {
  if (!unfinished().length || stream || timer) return;
  if (!window.EventSource) return poll();
  stream = new EventSource("/api/jobs/events");
  stream.addEventListener("job", (event) => update(JSON.parse(event.data)));
  // What changed before the stream was open, or while it was broken, is asked for.
  stream.addEventListener("open", () => unfinished().forEach(ask));
  stream.addEventListener("error", () => {
    if (stream.readyState !== EventSource.CLOSED) return; // it comes back by itself
    stream = null;
    poll();
  });
  addEventListener("pagehide", stop, { once: true });
}

export async function fetchElement(address, selector) {
  const answer = await fetch(address, { credentials: "same-origin" });
  if (!answer.ok || answer.redirected) return null;
  return new DOMParser().parseFromString(await answer.text(), "text/html").querySelector(selector);
}

function unfinished() {
  return [...document.querySelectorAll("[data-job]:not([data-final])")];
}

function stop() {
  stream?.close();
  stream = null;
}

async function update(job) {
  for (const shown of document.querySelectorAll(`[data-job="${job.id}"]`)) {
    if (shown.dataset.state === job.state) showProgress(shown, job);
    else await replace(shown, job);
  }
  if (!unfinished().length) stop();
}

function showProgress(shown, job) {
  const percent = Math.floor(job.progress * 100);
  const bar = shown.querySelector("progress");
  if (!bar) return;
  bar.value = percent;
  shown.querySelector("[data-percent]").textContent = percent;
  const step = shown.querySelector("[data-step]");
  if (job.step) step.textContent = "page" in shown.dataset ? `, ${job.step}` : job.step;
}

// The words of a state are the server's: the row, or the page's middle, is fetched anew.
async function replace(shown, job) {
  if (shown.dataset.wanted === job.state) return;
  shown.dataset.wanted = job.state; // another event may come while this one is fetched
  const isPage = "page" in shown.dataset;
  const address = isPage ? location.pathname : `/jobs/${job.id}/row`;
  const fresh = await fetchElement(address, `[data-job="${job.id}"]`);
  delete shown.dataset.wanted;
  if (!fresh) return;
  shown.replaceWith(fresh);
  if (isPage) document.dispatchEvent(new Event("jobchange"));
  announce(`${job.file_name}: ${fresh.querySelector(".status").textContent.trim()}`);
}

function poll() {
  timer = setTimeout(async () => {
    await Promise.all(unfinished().map(ask));
    timer = 0;
    if (unfinished().length) poll();
  }, POLL_MS);
}

async function ask(shown) {
  try {
    const answer = await fetch(`/api/jobs/${shown.dataset.job}`);
    if (answer.ok) await update(await answer.json());
  } catch {
    // offline: asked again in a moment
  }
}
