// Sends one file to the way in. A resumable transport can take the place of this module.
export class Refusal extends Error {
  constructor(status, problem) {
    super([problem.detail, problem.hint].filter(Boolean).join(" "));
    this.status = status;
    this.code = problem.code;
  }
}

export class ConnectionLost extends Error {}

// Resolves to the job (JSON of /api/jobs/{id}); rejects with Refusal, ConnectionLost or AbortError.
export function send(file, { collection, visibility, csrfToken, signal, onProgress }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/api/collections/${encodeURIComponent(collection)}/products`);
    request.setRequestHeader("X-CSRFToken", csrfToken);
    request.responseType = "json";
    request.upload.addEventListener("progress", ({ loaded, total }) => onProgress(loaded, total));
    request.addEventListener("load", () => {
      if (request.status === 202) resolve(request.response);
      else reject(new Refusal(request.status, request.response ?? { detail: "The server failed." }));
    });
    request.addEventListener("error", () => reject(new ConnectionLost()));
    signal.addEventListener("abort", () => {
      request.abort();
      reject(signal.reason);
    });
    const form = new FormData();
    form.set("visibility", visibility);
    form.set("file", file);
    request.send(form);
  });
}
