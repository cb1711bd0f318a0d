// What is kept on this device: the outbox (what is not sent yet), the sound of it in pieces, and
// what was last seen of the notes. Where the browser refuses to keep anything, memory has to do.

import { clear, createStore, delMany, entries, get, keys, set } from "../../vendor/idb-keyval/idb-keyval.js";

/** A store that goes on in memory when the device cannot keep things (private mode, disk full). */
class Kept {
  constructor(name) {
    this.name = name;
    this.memory = new Map();
    this.closed = false;
  }

  get store() {
    return (this.opened ??= createStore(`bau-${this.name}`, this.name));
  }

  async set(key, value) {
    if (this.closed) return;
    try {
      await set(key, value, this.store);
      this.memory.delete(String(key));
    } catch (fault) {
      this.memory.set(String(key), [key, value]);
      this.onfault?.(fault);
    }
  }

  async get(key) {
    if (this.memory.has(String(key))) return this.memory.get(String(key))[1];
    return get(key, this.store).catch(() => undefined);
  }

  async keys() {
    const kept = await keys(this.store).catch(() => []);
    return [...kept, ...[...this.memory.values()].map(([key]) => key)];
  }

  async values() {
    const kept = await entries(this.store).catch(() => []);
    const all = new Map(kept.map(([key, value]) => [String(key), value]));
    for (const [name, [, value]] of this.memory) all.set(name, value);
    return [...all.values()];
  }

  async delete(...gone) {
    for (const key of gone) this.memory.delete(String(key));
    await delMany(gone, this.store).catch(() => {});
  }

  async clear() {
    this.memory.clear();
    await clear(this.store).catch(() => {});
  }
}

/** By id: what is not sent yet. The service worker puts into it what a phone shares. */
export const outbox = new Kept("outbox");
/** By [id, number]: the sound of what is in the outbox, in order. */
export const chunks = new Kept("chunks");
/** By address: lists and notes as they were last seen, for when there is no network. */
export const seen = new Kept("seen");

/** The sound of `id` as one blob of `type`. */
export async function soundOf(id, type) {
  const own = (await chunks.keys()).filter(([owner]) => owner === id);
  own.sort((a, b) => a[1] - b[1]);
  return new Blob(await Promise.all(own.map((key) => chunks.get(key))), { type });
}

/** Forget `id` and its sound. */
export async function discard(id) {
  await outbox.delete(id);
  await chunks.delete(...(await chunks.keys()).filter(([owner]) => owner === id));
}

const USER = "bau-user";

/** Whose browser this is: the page tells; without network, whoever was here last. */
export function user() {
  const { user: told = "", offline } = document.body.dataset;
  return told || offline === undefined ? told : localStorage.getItem(USER) || "";
}

/** Remember who is signed in; what somebody else has read here is forgotten. */
export async function greet() {
  const before = localStorage.getItem(USER);
  if (before && before !== user()) await seen.clear();
  localStorage.setItem(USER, user());
}

/** At sign-out: nothing that was read stays; what was recorded and not sent does, unless told. */
export async function forget({ unsent = false } = {}) {
  seen.closed = true; // to an answer that is still on its way
  await seen.clear();
  if (unsent) await Promise.all([outbox.clear(), chunks.clear()]);
  localStorage.removeItem(USER);
}
