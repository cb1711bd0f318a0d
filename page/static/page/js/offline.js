// Without network: the list as it was last seen, and one note of it in full.

import { $, make } from "./dom.js";
import { row } from "./rows.js";
import { seen, user } from "./store.js";
import { text } from "./text.js";

const LOOK_AGAIN = 5_000;
const BUSY = ["recording", "paused", "saving"];

/** Show what this device knows. */
export async function start() {
  if (!user()) return;
  const known = (await seen.get("notes")) ?? [];
  const id = /^\/notes\/([0-9a-f-]{36})$/.exec(location.pathname)?.[1];
  const one = id && ((await seen.get(id)) ?? known.find((note) => note.id === id));
  if (one) {
    const words = make("p", { class: "words", dir: "auto" }, one.transcript || text("note.no_words"));
    $("#notes").before(make("article", { id: "kept" }, words));
  }
  $("#notes").replaceChildren(...known.map(row));
  // A browser that says nothing of its network may still have lost the server, and found it again.
  addEventListener("online", leave);
  setInterval(async () => navigator.onLine && (await isReachable()) && leave(), LOOK_AGAIN);
}

const isReachable = () => fetch("/healthz", { cache: "no-store" }).then(({ ok }) => ok, () => false);

/** The real page takes over, once nothing is being recorded. */
function leave() {
  if (!BUSY.includes($("#record").dataset.state)) location.reload();
}
