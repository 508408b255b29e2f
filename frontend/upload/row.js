// One file on the upload page, from its first byte until its job takes over the row.
import { announce } from "../announcing.js";
import { fetchElement, follow } from "../follow.js";
import { ConnectionLost, Sending } from "./transport.js";
import { bytesText, timeLeftText } from "./words.js";

const RETRY_SECONDS = [0, 1, 2, 5, 10];
const STOPS = { pause: "pause", cancel: "cancel" };

export class Row {
  // `start` asks the page to run the row when its turn comes; `set` are the files it belongs to.
  constructor(file, { address, safe = 0, metadata, csrfToken, start, set = null }) {
    this.file = file;
    this.set = set;
    set?.add(this);
    this.sending = new Sending(file, {
      address,
      metadata: { filename: file.name, filetype: file.type, modified: `${file.lastModified}`, ...metadata },
      csrfToken,
      onProgress: (sent, total) => this.progress(sent, total),
    });
    this.sending.safe = safe;
    const template = document.getElementById("row");
    this.element = template.content.firstElementChild.cloneNode(true);
    this.find("[data-name]").textContent = file.name;
    this.find("progress").setAttribute("aria-label", file.name);
    this.on("[data-pause]", () => this.stop(STOPS.pause));
    this.on("[data-cancel]", () => this.stop(STOPS.cancel));
    for (const button of ["[data-resume]", "[data-again]"]) {
      this.on(button, () => {
        this.wait();
        start(this);
      });
    }
    this.wait();
  }

  // Sends the file; returns when the row has come to rest.
  async run() {
    if (this.stopped) return;
    try {
      const job = await this.sendPatiently();
      if (this.set) await this.set.arrived(this);
      else await this.becomeJob(job);
    } catch (error) {
      this.rest(error);
    }
  }

  async sendPatiently() {
    for (let attempt = 0; ; attempt++) {
      const before = this.sending.safe;
      this.began = performance.now();
      this.beganAt = null;
      try {
        return await this.sending.run();
      } catch (error) {
        if (!(error instanceof ConnectionLost) || this.stopped) throw this.stopped ?? error;
        if (this.sending.safe > before) attempt = 0;
        this.status(`Connection lost. Trying again; ${this.safePercent()} % is safe.`, "warn");
        await this.patience(RETRY_SECONDS[Math.min(attempt, RETRY_SECONDS.length - 1)]);
      }
    }
  }

  progress(sent, total) {
    this.beganAt ??= sent;
    const percent = Math.floor((sent / total) * 100);
    this.find("progress").value = percent;
    this.status(sent < total ? `Uploading, ${percent} %` : "Received, being checked");
    const seconds = (performance.now() - this.began) / 1000;
    const left = timeLeftText(sent - this.beganAt, total - this.beganAt, seconds);
    this.note(`${bytesText(sent)} of ${bytesText(total)}${left}`);
  }

  async becomeJob(address) {
    const id = address.split("/").pop();
    const element = await fetchElement(`/jobs/${id}/row`, "[data-job]");
    if (!element) {
      location.href = `/jobs/${id}`;
      return;
    }
    this.element.replaceWith(element);
    this.element = element;
    announce(`${this.file.name} has arrived.`);
    follow();
  }

  // Says why the file does not go on, and how it could.
  rest(reason) {
    if (reason === STOPS.cancel) {
      this.show();
      this.find("progress").hidden = true;
      this.status("Cancelled", "muted");
      this.note("Nothing was kept.");
    } else if (reason === STOPS.pause) {
      this.show("resume", "cancel");
      this.status("Paused", "muted");
      this.note(`${this.safePercent()} % is safe.`);
    } else if (reason.isSignedOut) {
      this.show("again", "sign-in", "cancel");
      this.status("Signed out", "warn");
      this.note(`Sign in, then try again; ${this.safePercent()} % is safe.`);
    } else {
      this.show("again", "cancel");
      this.status("Not uploaded", "danger");
      this.note(reason.message);
    }
    announce(`${this.file.name}: ${this.find("[data-word]").textContent}`);
  }

  stop(how) {
    this.stopped = how;
    if (how === STOPS.cancel) this.sending.discard().catch(() => {}); // it expires by itself
    this.sending.stop(how);
    this.awake?.();
    this.rest(how);
    if (how === STOPS.cancel) this.set?.leave(this);
  }

  // In the queue, for the first time or again.
  wait() {
    this.stopped = null;
    this.show("pause", "cancel");
    this.find("progress").hidden = false;
    this.find("progress").value = this.safePercent();
    this.status("Waiting");
    this.note(bytesText(this.file.size));
  }

  // Until the time has passed, the network is back, or the row is stopped.
  patience(seconds) {
    return new Promise((resolve, reject) => {
      const woken = new AbortController();
      this.awake = () => {
        clearTimeout(timer);
        woken.abort();
        if (this.stopped) reject(this.stopped);
        else resolve();
      };
      const timer = setTimeout(this.awake, seconds * 1000);
      addEventListener("online", this.awake, { signal: woken.signal });
    });
  }

  safePercent() {
    return Math.floor((this.sending.safe / this.file.size) * 100) || 0;
  }

  show(...names) {
    for (const name of ["pause", "resume", "cancel", "again", "sign-in"]) {
      this.find(`[data-${name}]`).hidden = !names.includes(name);
    }
  }

  status(words, tone = "accent") {
    this.find("[data-status]").className = `status status-${tone}`;
    this.find("[data-word]").textContent = words;
  }

  note(words) {
    this.find("[data-note]").textContent = words;
  }

  on(selector, action) {
    this.find(selector).addEventListener("click", action);
  }

  find(selector) {
    return this.element.querySelector(selector);
  }
}
