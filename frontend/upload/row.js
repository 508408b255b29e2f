// One file on the upload page, from its first byte until its job takes over the row.
import { announce } from "../announcing.js";
import { fetchElement, follow } from "../follow.js";
import { ConnectionLost, send } from "./transport.js";
import { bytesText, timeLeftText } from "./words.js";

const RETRY_SECONDS = [1, 2, 5, 10, 20];

export class Row {
  constructor(file, choices) {
    this.file = file;
    this.choices = choices;
    const template = document.getElementById("row");
    this.element = template.content.firstElementChild.cloneNode(true);
    this.find("[data-name]").textContent = file.name;
    this.find("progress").setAttribute("aria-label", file.name);
    this.note(bytesText(file.size));
    this.cancelButton = this.find("[data-cancel]");
    this.againButton = this.find("[data-again]");
    this.cancelButton.addEventListener("click", () => this.cancel());
  }

  // Sends the file; returns when the row has come to rest.
  async run() {
    if (this.cancelled) return;
    this.controller = new AbortController();
    this.began = performance.now();
    try {
      await this.becomeJob(await this.sendPatiently());
    } catch (error) {
      this.refuse(error);
    }
  }

  async sendPatiently() {
    for (let attempt = 0; ; attempt++) {
      try {
        return await send(this.file, {
          ...this.choices(),
          signal: this.controller.signal,
          onProgress: (loaded, total) => this.progress(loaded, total),
        });
      } catch (error) {
        if (!(error instanceof ConnectionLost) || attempt >= RETRY_SECONDS.length) throw error;
        this.status("Connection lost. Trying again", "warn");
        await this.pause(RETRY_SECONDS[attempt]);
      }
    }
  }

  progress(loaded, total) {
    const percent = Math.floor((loaded / total) * 100);
    this.find("progress").value = percent;
    this.status(loaded < total ? `Uploading, ${percent} %` : "Received, being checked");
    const seconds = (performance.now() - this.began) / 1000;
    this.note(`${bytesText(loaded)} of ${bytesText(total)}${timeLeftText(loaded, total, seconds)}`);
  }

  async becomeJob(job) {
    const element = await fetchElement(`/jobs/${job.id}/row`, "[data-job]");
    if (!element) {
      location.href = `/jobs/${job.id}`;
      return;
    }
    this.element.replaceWith(element);
    this.element = element;
    announce(`${this.file.name} has arrived.`);
    follow();
  }

  refuse(error) {
    const signedOut = error.status === 401 || error.code === "csrf_failed";
    this.find("progress").hidden = true;
    this.cancelButton.hidden = true;
    this.againButton.hidden = false;
    if (error.name === "AbortError") {
      this.status("Cancelled", "muted");
      this.note("Nothing was kept.");
    } else if (error instanceof ConnectionLost) {
      this.status("Connection lost", "danger");
      this.note("The server cannot be reached. Try again when you are online.");
    } else {
      this.status("Not uploaded", "danger");
      this.note(signedOut ? "You are signed out. Sign in, then try again." : error.message);
      this.find("[data-sign-in]").hidden = !signedOut;
    }
    announce(`${this.file.name}: ${this.find("[data-word]").textContent}`);
  }

  cancel() {
    this.cancelled = true;
    const reason = new DOMException("Cancelled", "AbortError");
    if (this.controller) this.controller.abort(reason);
    else this.refuse(reason);
  }

  // Ready for another run.
  reset() {
    this.cancelled = false;
    this.controller = null;
    this.find("progress").hidden = false;
    this.find("progress").value = 0;
    this.cancelButton.hidden = false;
    this.againButton.hidden = true;
    this.find("[data-sign-in]").hidden = true;
    this.status("Waiting");
    this.note(bytesText(this.file.size));
  }

  pause(seconds) {
    return new Promise((resolve, reject) => {
      setTimeout(resolve, seconds * 1000);
      addEventListener("online", resolve, { once: true });
      this.controller.signal.addEventListener("abort", () => reject(this.controller.signal.reason));
    });
  }

  status(words, tone = "accent") {
    this.find("[data-status]").className = `status status-${tone}`;
    this.find("[data-word]").textContent = words;
  }

  note(words) {
    this.find("[data-note]").textContent = words;
  }

  find(selector) {
    return this.element.querySelector(selector);
  }
}
