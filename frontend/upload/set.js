// Files that are one map: each is sent by itself, and all of them become one job.
import { Refusal } from "./transport.js";

const TRIES = 100;
const WAIT_MS = 3000;

export class FileSet {
  constructor({ collection, visibility, csrfToken }) {
    this.choices = { visibility };
    this.address = `/api/collections/${encodeURIComponent(collection)}/products`;
    this.csrfToken = csrfToken;
    this.rows = [];
  }

  add(row) {
    this.rows.push(row);
  }

  // A file that is given up is not waited for.
  leave(row) {
    this.rows = this.rows.filter((other) => other !== row);
    this.finish();
  }

  async arrived(row) {
    row.hasArrived = true;
    row.show("cancel");
    row.status("Received, waits for the others", "muted");
    await this.finish();
  }

  async finish() {
    if (!this.rows.length || this.job || this.rows.some((row) => !row.hasArrived)) return;
    const [first, ...others] = this.rows;
    try {
      this.job = this.become();
      await first.becomeJob((await this.job).links.self);
      others.forEach((row) => row.element.remove());
    } catch (error) {
      this.job = null;
      this.rows.forEach((row) => row.rest(error));
    }
  }

  // A large file may still be checked when the last one is here: 503 and 423 say to come back.
  async become() {
    for (let left = TRIES; ; left--) {
      const answer = await fetch(this.address, {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-CSRFToken": this.csrfToken() },
        body: JSON.stringify({ uploads: this.rows.map((row) => row.sending.address), ...this.choices }),
      });
      const body = await answer.json();
      if (answer.ok) return body;
      if (![423, 503].includes(answer.status) || !left) throw new Refusal(answer.status, body);
      await new Promise((later) => setTimeout(later, WAIT_MS));
    }
  }
}
