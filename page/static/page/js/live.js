// What happens to notes is shown without a reload: those that are on their way are asked about,
// conditionally, less and less often, and not at all in a tab that nobody looks at.

import { call } from "./api.js";
import { $$, announce } from "./dom.js";
import { ENDED, fill, stateOf } from "./rows.js";

const [SOON, SELDOM] = [1000, 15_000];
/** Notes asked about in one go: the newest of them. */
const AT_ONCE = 4;

let pause = SOON;
let timer;
let rounds = 0;
const shown = new Set();

/** Follow the open notes of this page; `changed(note)` hears of each change. */
export function start(changed) {
  if (changed) shown.add(changed);
  document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : follow()));
  addEventListener("online", follow);
  follow();
}

/** Something has begun: ask soon. */
export function follow() {
  pause = SOON;
  clearTimeout(timer);
  timer = setTimeout(round, pause);
}

const open = () =>
  $$("#notes .note, #note[data-status]").filter(
    ({ dataset: { id, status } }) => id && !ENDED.includes(status),
  );

async function round() {
  if (document.hidden) return;
  const all = open();
  if (!all.length) return;
  // Beyond the first few take turns.
  const from = all.length > AT_ONCE ? (rounds++ * AT_ONCE) % all.length : 0;
  const news = await Promise.all(all.slice(from, from + AT_ONCE).map(look));
  pause = news.includes(true) ? SOON : Math.min(pause * 1.3, SELDOM);
  clearTimeout(timer);
  timer = setTimeout(round, pause);
}

/** Ask about the note of `item` and show what changed; true if something did. */
async function look(item) {
  try {
    const { data: note, etag } = await call(`notes/${item.dataset.id}`, { etag: item.dataset.etag });
    if (!note) return false;
    item.dataset.etag = etag ?? "";
    const before = item.dataset.status;
    if (item.id !== "note") fill(item, note);
    if (before !== note.processing_status) announce(`${stateOf(note)}${note.box ? `: ${note.box.name}` : ""}`);
    for (const changed of shown) changed(note, item);
    return true;
  } catch (failure) {
    if (failure.status === 404) item.remove();
    return false;
  }
}
