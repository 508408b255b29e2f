// Sends one file in parts (tus 1.0.0), from where an earlier try ended.
import { Upload } from "tus-js-client";

const PART_BYTES = 8 * 1024 * 1024;
const SILENCE_MS = 40_000;
const JOB_POLL_MS = 1000;

// The server says no, and why.
export class Refusal extends Error {
  constructor(status, problem) {
    super([problem.detail, problem.hint].filter(Boolean).join(" "));
    this.status = status;
    this.code = problem.code;
  }

  get isSignedOut() {
    return this.status === 401 || this.code === "csrf_failed";
  }
}

// Worth another try: what the server has is safe there.
export class ConnectionLost extends Error {}

// One file on its way. `run` may be called again after any end; it goes on from the safe bytes.
export class Sending {
  constructor(file, { address, metadata, csrfToken, onProgress }) {
    this.file = file;
    this.address = address;
    this.metadata = metadata;
    this.csrfToken = csrfToken;
    this.onProgress = onProgress;
    this.safe = 0;
  }

  // Resolves to the job's address; rejects with Refusal, ConnectionLost or the reason of `stop`.
  run() {
    return new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
      this.job = "";
      this.upload = new Upload(this.file, this.options());
      this.listen();
      this.upload.start();
    }).finally(() => this.unlisten());
  }

  options() {
    return {
      // A known address that does not answer well must not begin a second upload.
      endpoint: this.address ? null : "/api/uploads/",
      uploadUrl: this.address || null,
      metadata: this.metadata,
      chunkSize: PART_BYTES,
      retryDelays: null,
      storeFingerprintForResuming: false,
      onBeforeRequest: (request) => request.setHeader("X-CSRFToken", this.csrfToken()),
      onAfterResponse: (_, answer) => {
        this.job = answer.getHeader("Upload-Job") || this.job;
        this.safe = Number(answer.getHeader("Upload-Offset") ?? this.safe);
      },
      onUploadUrlAvailable: () => {
        this.address = this.upload.url;
        this.upload.options.endpoint = null;
      },
      onProgress: (sent, total) => {
        this.listen();
        this.onProgress(sent, total);
      },
      onSuccess: () => this.ended(),
      onError: (error) => this.fail(error),
    };
  }

  // All bytes are safe. Of a large file the job may come a little later: HEAD makes it.
  async ended() {
    const lost = () => this.stop(new ConnectionLost());
    while (!this.job && this.metadata.collection && this.listening) {
      this.unlisten();
      const listening = (this.listening = new AbortController());
      await new Promise((resolve) => setTimeout(resolve, JOB_POLL_MS));
      if (listening.signal.aborted) return;
      try {
        const answer = await fetch(this.address, {
          method: "HEAD",
          headers: { "Tus-Resumable": "1.0.0" },
          credentials: "same-origin",
          signal: listening.signal,
        });
        if (!answer.ok && answer.status !== 423) return lost();
        this.job = answer.headers.get("Upload-Job") ?? "";
      } catch {
        return lost();
      }
    }
    this.resolve(this.job);
  }

  // Ends `run` with the reason; the server keeps what it has.
  stop(reason) {
    this.upload?.abort();
    this.reject?.(reason);
  }

  // The server forgets the file.
  async discard() {
    const { address } = this;
    this.address = "";
    this.safe = 0;
    if (address) await discard(address, this.csrfToken());
  }

  // A network that is gone may not say so: the browser's word, or a long silence, counts.
  listen() {
    this.unlisten();
    const lost = () => this.stop(new ConnectionLost());
    addEventListener("offline", lost, { signal: (this.listening = new AbortController()).signal });
    // The last part is answered when the whole file has been checked, which takes its time.
    this.timer = setTimeout(() => this.safe + PART_BYTES < this.file.size && lost(), SILENCE_MS);
  }

  unlisten() {
    clearTimeout(this.timer);
    this.listening?.abort();
  }

  fail(error) {
    const answer = error.originalResponse;
    const status = answer ? answer.getStatus() : 0;
    const problem = answer ? problemOf(answer) : {};
    const isGone = this.address && [404, 410].includes(status);
    if (isGone) {
      this.address = ""; // swept meanwhile: the next try begins anew
      this.safe = 0;
    }
    if (isGone || isPassing(status, problem.code)) this.reject(new ConnectionLost());
    else this.reject(new Refusal(status, problem));
  }
}

export async function discard(address, csrfToken) {
  const headers = { "Tus-Resumable": "1.0.0", "X-CSRFToken": csrfToken };
  await fetch(address, { method: "DELETE", headers, credentials: "same-origin" });
}

// Also a part that changed on its way (460), and an offset that another window moved (409).
function isPassing(status, code) {
  if (status === 507) return false;
  return status === 0 || status >= 500 || [408, 423, 429, 460].includes(status) || code === "wrong_offset";
}

function problemOf(answer) {
  try {
    return JSON.parse(answer.getBody());
  } catch {
    // HEAD has no body
    return { detail: "The server does not take this file now." };
  }
}
