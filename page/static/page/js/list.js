// The list of notes: more of it while scrolling, searched while typing. Of a long list only the
// part around the eye is in the document; what has left it is a height and a cursor.

import { call } from "./api.js";
import { $, $$, announce, debounced, toast } from "./dom.js";
import { row } from "./rows.js";
import { seen } from "./store.js";
import { text } from "./text.js";

const LIMIT = 50;
/** Pages of the list in the document at once. */
const WINDOW = 5;

/** Each {cursor, newest, rows, height}: `rows` is null while it is out of the document; `newest` is
 * when its first note was made, as the API writes it. */
let pages = [];
let next = null;
let loading = null;
let query = new URLSearchParams();
let above, below;

/** Take over the list that the server has drawn. */
export function start() {
  const list = $("#notes");
  if (!list || !$("#search")) return;
  query = filters();
  const rows = [...list.children];
  const more = $("#more");
  next = more ? new URL(more.href).searchParams.get("cursor") : null;
  const cursor = new URLSearchParams(location.search).get("cursor");
  pages = [{ cursor, rows, height: 0 }];
  above = sentinel("before", () => fetchAbove());
  below = sentinel("after", () => fetchBelow());
  more?.addEventListener("click", (event) => (event.preventDefault(), fetchBelow()));
  searching();
}

function sentinel(side, action) {
  const mark = document.createElement("div");
  $("#notes")[side](mark);
  const watcher = new IntersectionObserver(
    (seen) => seen.some(({ isIntersecting }) => isIntersecting) && action(),
    { rootMargin: "1200px" },
  );
  watcher.observe(mark);
  return { mark, again: () => (watcher.unobserve(mark), watcher.observe(mark)) };
}

/** The filters of the address bar, as the API names them. */
function filters() {
  const asked = new URLSearchParams(location.search);
  const found = new URLSearchParams();
  const box = asked.get("box");
  if (asked.get("q")?.trim()) found.set("search", asked.get("q").trim());
  if (box) found.set(...(box === "inbox" ? ["inbox", "true"] : ["box", box]));
  if (asked.get("state")) found.set("status", asked.get("state"));
  return found;
}

const path = (cursor, limit = LIMIT) => {
  const asked = new URLSearchParams(query);
  asked.set("limit", limit);
  if (cursor) asked.set("cursor", cursor);
  return `notes?${asked}`;
};

/** One at a time; a failure is told, and the next scroll tries again. */
function once(work) {
  loading ??= work()
    .catch((failure) => failure.name !== "AbortError" && toast(failure.message))
    .finally(() => (loading = null));
  return loading;
}

function fetchBelow() {
  const last = pages.findLastIndex((page) => page.rows);
  const out = pages[last + 1];
  if (!out && !next) return;
  once(async () => {
    const [cursor, asked] = [out ? out.cursor : next, query];
    const { data } = await call(path(cursor));
    if (asked !== query) return; // searched for something else meanwhile
    const rows = data.results.map(row);
    const page = out ?? pages[pages.push({ cursor, newest: data.results[0]?.created_at }) - 1];
    if (!out) next = data.next;
    put(page, rows, "append", "paddingBottom");
    const first = pages.findIndex((one) => one.rows);
    if (last + 1 - first >= WINDOW) take(pages[first], "paddingTop");
    if ($("#more")) $("#more").hidden = !next;
    below.again();
  });
}

function fetchAbove() {
  const first = pages.findIndex((page) => page.rows);
  if (first < 1) return;
  once(async () => {
    const page = pages[first - 1];
    const rows = (await rowsBefore(page, pages[first].newest)).map(row);
    put(page, rows, "prepend", "paddingTop");
    const last = pages.findLastIndex((one) => one.rows);
    if (last - first + 2 > WINDOW) take(pages[last], "paddingBottom");
    above.again();
  });
}

/** The notes of `page`; to the first one many may have come since: all newer than `newest`. */
async function rowsBefore(page, newest) {
  const found = [];
  for (let cursor = page.cursor; ; ) {
    const { data } = await call(path(cursor, page.cursor ? LIMIT : 100));
    const at = data.results.findIndex(({ created_at }) => created_at <= newest);
    found.push(...data.results.slice(0, at < 0 ? undefined : at));
    if (page.cursor || at >= 0 || !data.next) return found;
    cursor = data.next;
  }
}

/** Rows into the document, in the place that was kept for them. */
function put(page, rows, add, side) {
  const { style } = $("#notes");
  $("#notes")[add](...rows);
  page.rows = rows;
  style[side] = `${Math.max(0, (parseFloat(style[side]) || 0) - (page.height || 0))}px`;
}

/** Rows out of the document, leaving a space as high as they were. */
function take(page, side) {
  const list = $("#notes");
  const before = list.getBoundingClientRect().height;
  for (const gone of page.rows) gone.remove();
  page.height = before - list.getBoundingClientRect().height;
  page.rows = null;
  list.style[side] = `${(parseFloat(list.style[side]) || 0) + page.height}px`;
}

let asking;

function searching() {
  const form = $("#search");
  const search = debounced(() => go(form), 200);
  form.addEventListener("input", (event) => event.target.name === "q" && search());
  form.addEventListener("change", (event) => event.target.name !== "q" && go(form));
  form.addEventListener("submit", (event) => (event.preventDefault(), go(form)));
}

async function go(form) {
  const typed = [...new FormData(form)].filter(([, value]) => String(value).trim());
  const address = new URLSearchParams(typed);
  if (`?${address}` === location.search) return;
  history.replaceState(null, "", address.size ? `/?${address}` : "/");
  await reload();
}

/** The list from its beginning, with the filters of the address bar. */
export async function reload() {
  asking?.abort();
  asking = new AbortController();
  query = filters();
  try {
    const { data } = await call(path(null), { signal: asking.signal });
    const rows = data.results.map(row);
    const list = $("#notes");
    list.style.paddingTop = list.style.paddingBottom = "";
    list.replaceChildren(...rows);
    pages = [{ cursor: null, rows, height: 0 }];
    next = data.next;
    if ($("#more")) $("#more").hidden = !next;
    said(rows.length, data.next);
    below.again();
  } catch (failure) {
    if (failure.name !== "AbortError") toast(failure.message);
  }
}

function said(count, more) {
  $("#first-run")?.remove();
  let nothing = $("#nothing");
  if (!nothing) {
    nothing = document.createElement("p");
    Object.assign(nothing, { id: "nothing", className: "empty" });
    $("#notes").before(nothing);
  }
  nothing.hidden = count > 0;
  nothing.textContent = text("list.nothing_found");
  announce(count ? text(more ? "list.found_more" : "list.found", { count }) : nothing.textContent);
}

/** Put a note that was just received at the top, if the list shows its beginning unfiltered. */
export function prepend(note) {
  const known = document.querySelector(`#notes [data-id="${CSS.escape(note.id)}"]`);
  if (known || query.size || pages[0]?.cursor || !pages[0]?.rows) return known;
  $("#first-run")?.remove();
  const item = row(note);
  $("#notes").prepend(item);
  pages[0].rows.unshift(item);
  return item;
}

/** The newest notes: kept for offline; the list gains those that came elsewhere, and loses those
 * that were deleted there, or after the server drew it. */
export async function refresh() {
  const before = $$("#notes .note");
  const { data } = await call("notes?limit=50");
  await seen.set("notes", data.results);
  dropDeleted(before, data);
  const top = pages[0]?.rows?.find(({ isConnected }) => isConnected)?.dataset.id;
  const at = top ? data.results.findIndex(({ id }) => id === top) : data.results.length;
  for (const note of data.results.slice(0, Math.max(at, 0)).reverse()) prepend(note);
}

/** Of `rows` those that should be among `results`, being newer than the last of them, and are not. */
function dropDeleted(rows, { results, next: more }) {
  const known = new Set(results.map(({ id }) => id));
  const oldest = more ? Date.parse(results.at(-1).created_at) : -Infinity;
  for (const item of rows) {
    const made = Date.parse($(".note-time", item).dateTime);
    if (!known.has(item.dataset.id) && made > oldest) item.remove();
  }
}
