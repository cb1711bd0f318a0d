// The REST API under /api/v1/, as the signed-in browser session uses it.

import { text } from "./text.js";

const BASE = "/api/v1/";
const TIMEOUT = 20_000;
/** An upload that has not moved for so long is given up, and tried again. */
const STALLED = 45_000;

/** What went wrong: `status` (0 without an answer), `code` of the API, a sentence for people, and
 * `wait`, the milliseconds that the server asks for. */
export class Failure extends Error {
  constructor(status, code, message, wait = 0) {
    super(message);
    Object.assign(this, { status, code, wait });
  }

  /** The same request may pass later, without anybody changing anything. */
  get passes() {
    const soon = [0, 401, 403, 408, 409, 425, 429].includes(this.status);
    return soon || this.status >= 500;
  }
}

/** Ask the API. `{status, data, etag}`; data is null without a body.
 *
 * Throws a Failure. `etag` makes GET conditional (304: data null) and changes refusable (412).
 */
export async function call(path, { method = "GET", body, etag, signal } = {}) {
  const reading = method === "GET";
  const headers = { Accept: "application/json" };
  if (etag) headers[reading ? "If-None-Match" : "If-Match"] = etag;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  for (let fresh = false; ; fresh = true) {
    if (!reading) headers["X-CSRFToken"] = await csrfToken(fresh);
    const answer = await answered(BASE + path, {
      method, headers, body: body === undefined ? undefined : JSON.stringify(body),
      // Our own ETags are sent; the browser's cache would hide the 304.
      cache: "no-store", credentials: "same-origin",
    }, signal);
    if (answer.ok || answer.status === 304) return shaped(answer);
    const failure = await failureOf(answer);
    if (reading || fresh || !isStale(failure)) throw failure;
  }
}

/** Delete while the page goes away: sent at once, and nobody is left to hear the answer. */
export function deleteOnLeaving(path) {
  const token = knownToken() ?? document.querySelector("meta[name=csrf-token]")?.content;
  const headers = { "X-CSRFToken": token ?? "" };
  fetch(BASE + path, { method: "DELETE", headers, keepalive: true, credentials: "same-origin" });
}

const isStale = (failure) =>
  failure.status === 403 && ["forbidden", "csrf_failed"].includes(failure.code);

async function answered(url, options, signal) {
  const clock = AbortSignal.timeout(TIMEOUT);
  const either = signal && AbortSignal.any ? AbortSignal.any([signal, clock]) : signal || clock;
  try {
    return await fetch(url, { ...options, signal: either });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw unanswered();
  }
}

async function shaped(answer) {
  const body = answer.status === 204 || answer.status === 304 ? "" : await answer.text();
  return { status: answer.status, data: body ? JSON.parse(body) : null, etag: answer.headers.get("ETag") };
}

async function failureOf(answer) {
  const words = await answer.text().catch(() => "");
  return failureFrom(answer.status, words, answer.headers.get("Retry-After"));
}

const unanswered = () =>
  new Failure(0, "no_answer", text(navigator.onLine ? "no_answer" : "no_network"));

function failureFrom(status, words, after) {
  let problem = {};
  try {
    problem = JSON.parse(words);
  } catch {
    // Some proxy's page: its words are not for people.
  }
  const wait = Math.min(Number(after) || 0, 86_400) * 1000;
  const fallback = text(status === 413 ? "too_large" : status >= 500 ? "server_busy" : "refused");
  const title = status === 401 ? text("signed_out") : problem.title || fallback;
  return new Failure(status, problem.code || `http_${status}`, title, wait);
}

const knownToken = () =>
  /(?:^|;\s*)(?:__Host-|__Secure-)?csrftoken=([^;]+)/.exec(document.cookie)?.[1];

/** A token for changes: the cookie's, or with `fresh` one that the server just made. */
async function csrfToken(fresh) {
  if (!fresh && knownToken()) return knownToken();
  // Every page with a form sets the cookie; the answer itself also carries the token.
  const answer = await answered("/login?next=/", { credentials: "same-origin", cache: "no-store" });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return knownToken() || page.querySelector("meta[name=csrf-token]")?.content || "";
}

/** Send a recording: the note. Throws a Failure; an abort throws its DOMException. */
export async function upload(blob, name, key, fields, { progress, signal } = {}) {
  for (let fresh = false; ; fresh = true) {
    const answer = await posted(blob, name, key, fields, await csrfToken(fresh), progress, signal);
    if (answer.status >= 200 && answer.status < 300) return JSON.parse(answer.responseText);
    const after = answer.getResponseHeader("Retry-After");
    const failure = failureFrom(answer.status, answer.responseText, after);
    if (fresh || !isStale(failure)) throw failure;
  }
}

// fetch() does not tell how far an upload has come.
function posted(blob, name, key, fields, token, progress, signal) {
  const form = new FormData();
  for (const [field, value] of Object.entries(fields)) if (value) form.append(field, value);
  form.append("audio", blob, name);
  const request = new XMLHttpRequest();
  return new Promise((resolve, reject) => {
    let watch;
    const alive = () => {
      clearTimeout(watch);
      watch = setTimeout(() => request.abort(), STALLED);
    };
    request.open("POST", `${BASE}notes`);
    request.setRequestHeader("Idempotency-Key", key);
    request.setRequestHeader("X-CSRFToken", token);
    request.setRequestHeader("Accept", "application/json");
    request.upload.onprogress = (event) => {
      alive();
      if (event.lengthComputable) progress?.(event.loaded / event.total);
    };
    request.onload = () => resolve(request);
    request.onerror = () => reject(unanswered());
    request.onabort = () =>
      reject(signal?.aborted ? new DOMException("cancelled", "AbortError") : unanswered());
    request.onloadend = () => clearTimeout(watch);
    signal?.addEventListener("abort", () => request.abort());
    alive();
    request.send(form);
  });
}
