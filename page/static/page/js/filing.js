// Moving and deleting notes, with ten seconds to think again.

import { call, deleteOnLeaving } from "./api.js";
import { $$, announce, toast } from "./dom.js";
import { fill } from "./rows.js";
import { text } from "./text.js";

const GRACE = 10;
const held = new Map();
/** Where the ids of notes are kept whose page was left before they were deleted. */
const LEFT = "bau-deleting";

/** All boxes, as the API lists them; asked for once. */
export async function boxes() {
  boxes.known ??= call("boxes").then(({ data }) => data.results ?? data);
  try {
    return await boxes.known;
  } catch (failure) {
    boxes.known = null;
    throw failure;
  }
}

/** Put notes into a box (null: the Inbox); `items` are their rows, shown where they are. */
export async function move(items, box, name) {
  const before = items.map((item) => [item, item.dataset.box || null]);
  if (!(await put(items.map((item) => [item, box])))) return;
  const words = text("moved", { count: items.length, box: name ?? text("inbox") });
  announce(words);
  toast(words, { label: text("undo"), act: () => put(before), seconds: GRACE });
}

async function put(pairs) {
  try {
    for (const [item, box] of pairs) {
      const { data, etag } = await call(`notes/${item.dataset.id}`, { method: "PATCH", body: { box } });
      item.dataset.etag = etag ?? "";
      item.dataset.box = data.box?.id ?? "";
      if (item.id !== "note") fill(item, data);
      item.dispatchEvent(new CustomEvent("moved", { bubbles: true, detail: data }));
    }
    return true;
  } catch (failure) {
    toast(failure.message);
    return false;
  }
}

/** Delete notes: at once for the eye, and for good after ten seconds or when the page is left. */
export function remove(items, then) {
  const ids = items.map((item) => item.dataset.id);
  for (const item of items) item.hidden = true;
  const timer = setTimeout(() => finish(ids).then(then), GRACE * 1000);
  for (const id of ids) held.set(id, timer);
  const words = text("deleted", { count: ids.length });
  announce(words);
  toast(words, { label: text("undo"), act: () => restore(items), seconds: GRACE });
}

function restore(items) {
  for (const item of items) {
    clearTimeout(held.get(item.dataset.id));
    held.delete(item.dataset.id);
    item.hidden = false;
  }
}

async function finish(ids) {
  for (const id of ids) {
    if (!held.has(id)) continue;
    try {
      // One that is gone already was deleted by the page before.
      await call(`notes/${id}`, { method: "DELETE" }).catch(unlessGone);
      for (const row of $$(`#notes [data-id="${CSS.escape(id)}"]`)) row.remove();
      forget(id);
    } catch (failure) {
      // Without an answer a deletion that was left behind stays so, for the next page.
      if (failure.status) forget(id);
      for (const row of $$(`[data-id="${CSS.escape(id)}"]`)) row.hidden = false;
      toast(failure.message);
    } finally {
      held.delete(id);
    }
  }
}

function unlessGone(failure) {
  if (failure.status !== 404) throw failure;
}

const leftBehind = () => JSON.parse(localStorage.getItem(LEFT) ?? "[]");

const forget = (id) =>
  localStorage.setItem(LEFT, JSON.stringify(leftBehind().filter((other) => other !== id)));

// Whoever leaves meant it. A request may outlive its page, but no browser promises that: what is not
// known to be deleted by then is deleted by the next page.
addEventListener("pagehide", () => {
  if (!held.size) return;
  localStorage.setItem(LEFT, JSON.stringify([...new Set([...leftBehind(), ...held.keys()])]));
  for (const [id, timer] of held) {
    clearTimeout(timer);
    deleteOnLeaving(`notes/${id}`);
  }
  held.clear();
});

const left = leftBehind();
for (const id of left) {
  held.set(id, 0);
  for (const row of $$(`#notes [data-id="${CSS.escape(id)}"]`)) row.hidden = true;
}
finish(left);
