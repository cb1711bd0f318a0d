// The outbox: everything recorded or brought in lies on this device until the server has it.
//
// An entry: id (also its Idempotency-Key), owner, name, type, size, source, recorded_at, added,
// state, tries, next (milliseconds; when to try again), reason, progress.
//   recording  its tab is still recording it
//   offered    interrupted or shared: its owner decides
//   waiting    on this device, to be sent at `next`
//   sending    on its way
//   failed     the server will not take it; kept until its owner decides

import { upload } from "./api.js";
import { chunks, discard, outbox, soundOf, user } from "./store.js";

const LONGEST_PAUSE = 300_000;
const across = new BroadcastChannel("bau-queue");
const listeners = { change: [], received: [] };
const running = new Map();
let timer;

across.onmessage = ({ data }) => {
  if (data.what === "drop") return running.get(data.id)?.abort();
  tell(data.what, data.note, data.entry);
  plan();
};

/** Call `listener` on "change" of the queue, or when a note was "received" (note, entry). */
export function on(what, listener) {
  listeners[what].push(listener);
}

function tell(what, note, entry) {
  for (const listener of listeners[what]) listener(note, entry);
}

function tellAll(what, note, entry) {
  tell(what, note, entry);
  across.postMessage({ what, note, entry });
}

/** What is in the outbox of whoever is signed in, oldest first. */
export async function waiting() {
  const all = (await outbox.values()).filter((entry) => !entry.owner || entry.owner === user());
  return all.sort((a, b) => a.added - b.added);
}

/** A new entry; nothing is sent until it is `release`d. */
export async function open(fields) {
  const entry = {
    id: newId(), owner: user(), added: Date.now(), recorded_at: new Date().toISOString(),
    source: "memo", state: "recording", tries: 0, next: 0, reason: "", ...fields,
  };
  await outbox.set(entry.id, entry);
  return entry;
}

/** Take `file` in and send it as soon as possible. */
export async function add(file, fields = {}) {
  const stamp = new Date(file.lastModified || Date.now()).toISOString();
  const entry = await open({ name: file.name, type: file.type, size: file.size, recorded_at: stamp, ...fields });
  await chunks.set([entry.id, 0], file);
  await release(entry.id, { state: "waiting" });
}

/** Put `changes` into the entry and go on: after a recording, for an offer or another try. */
export async function release(id, changes = {}) {
  const entry = await outbox.get(id);
  if (!entry) return;
  await outbox.set(id, {
    ...entry, owner: entry.owner || user(), state: "waiting", next: 0, reason: "", ...changes,
  });
  tellAll("change");
  plan();
}

/** Do not send it, forget it. */
export async function drop(id) {
  running.get(id)?.abort();
  across.postMessage({ what: "drop", id }); // another tab may be sending it
  await discard(id);
  tellAll("change");
}

/** Start: what a dead tab left is offered or sent, and what happens to the network is followed. */
export async function start() {
  for (const entry of await waiting()) {
    const left = entry.state === "recording" ? !(await held(entry.id)) : false;
    if (left) await offer(entry);
  }
  addEventListener("online", hurry);
  document.addEventListener("visibilitychange", () => document.hidden || hurry());
  tell("change");
  await hurry();
}

async function offer(entry) {
  const sound = await soundOf(entry.id, entry.type);
  if (!sound.size) return discard(entry.id);
  return outbox.set(entry.id, { ...entry, size: sound.size, state: "offered", reason: "interrupted" });
}

/** Hold `id` as long as `work` takes, so that no other tab takes it for left behind. */
export const holding = (id, work) =>
  navigator.locks ? navigator.locks.request(`bau-${id}`, work) : work();

async function held(id) {
  if (!navigator.locks) return false;
  return navigator.locks.request(`bau-${id}`, { ifAvailable: true }, (lock) => !lock);
}

/** The network may be back: what only waited for that is tried at once. */
async function hurry() {
  for (const entry of await waiting())
    if (entry.state === "waiting" && entry.unreached) await outbox.set(entry.id, { ...entry, next: 0 });
  plan();
}

/** Send what is due; look again when the next one is. One tab at a time does. */
function plan() {
  clearTimeout(timer);
  if (!user()) return;
  const work = (lock) => (lock ? sendDue() : null);
  const turn = navigator.locks
    ? navigator.locks.request("bau-sender", { ifAvailable: true }, work)
    : alone(work);
  turn.then(async (pause) => {
    // Another tab is sending: it tells when something changes, and may be closed before.
    const wait = pause === null ? 5000 : pause;
    if (wait !== Infinity) timer = setTimeout(plan, Math.max(wait, 250));
  });
}

let busy = false;
async function alone(work) {
  if (busy) return null;
  busy = true;
  return work(true).finally(() => (busy = false));
}

/** Send all that is due, one after the other; the milliseconds until another is. */
async function sendDue() {
  for (;;) {
    const open = (await waiting()).filter(({ state }) => ["waiting", "sending"].includes(state));
    const due = open.find((entry) => entry.next <= Date.now());
    if (!due) return Math.min(...open.map((entry) => entry.next)) - Date.now();
    await send(due);
  }
}

async function send(entry) {
  const control = new AbortController();
  running.set(entry.id, control);
  const sound = await soundOf(entry.id, entry.type);
  await outbox.set(entry.id, { ...entry, state: "sending", progress: 0 });
  tellAll("change");
  const progress = (share) => tell("change", null, { id: entry.id, progress: share });
  const { source, recorded_at } = entry;
  try {
    const note = await upload(sound, entry.name, entry.id, { source, recorded_at }, { progress, signal: control.signal });
    await discard(entry.id);
    tellAll("received", note, entry);
  } catch (failure) {
    // Nothing but a `drop` aborts, and that one forgets the entry.
    const dropped = control.signal.aborted || !(await outbox.get(entry.id));
    if (!dropped) await outbox.set(entry.id, after(entry, failure));
  } finally {
    running.delete(entry.id);
  }
  tellAll("change");
}

/** The entry after a try that failed: sent again later, or kept for its owner to decide. */
function after(entry, failure) {
  const tries = entry.tries + 1;
  if (failure.status === undefined) failure = { passes: true, status: 0, wait: 0, message: String(failure) };
  const told = { ...entry, tries, reason: failure.message, code: failure.code };
  if (!failure.passes) return { ...told, state: "failed" };
  const pause = Math.min(1000 * 2 ** Math.min(tries, 10), LONGEST_PAUSE) * (0.5 + Math.random() / 2);
  const unreached = failure.status === 0 || failure.status === 401;
  return { ...told, state: "waiting", unreached, next: Date.now() + Math.max(pause, failure.wait) };
}

/** A random id; randomUUID is missing where the page came by plain HTTP. */
export function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
