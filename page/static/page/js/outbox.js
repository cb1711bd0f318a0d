// The outbox as people see it: what lies on this device, how far it has come, and what to do.

import { $, ask, download, make } from "./dom.js";
import * as queue from "./queue.js";
import { soundOf } from "./store.js";
import { bytes, moment, text } from "./text.js";

/** Show the outbox, and keep showing it. */
export function start() {
  if (!$("#queue")) return;
  queue.on("change", (_, entry) => (entry ? progress(entry) : redraw()));
  setInterval(countDown, 1000);
}

let drawing = Promise.resolve();

function redraw() {
  drawing = drawing.then(draw, draw);
  return drawing;
}

async function draw() {
  const entries = (await queue.waiting()).filter(({ state }) => state !== "recording");
  const list = $("#queue");
  const known = new Map([...list.children].map((row) => [row.dataset.id, row]));
  for (const entry of entries) {
    const row = known.get(entry.id) ?? list.appendChild(fresh(entry));
    known.delete(entry.id);
    fill(row, entry);
  }
  for (const gone of known.values()) gone.remove();
  const section = $("#queue-section");
  if (section) section.hidden = !entries.length;
}

function fresh(entry) {
  const row = $("#queue-template").content.firstElementChild.cloneNode(true);
  row.dataset.id = entry.id;
  return row;
}

function fill(row, entry) {
  row.dataset.next = entry.state === "waiting" && entry.tries ? entry.next : "";
  row.dataset.reason = entry.reason;
  const known = `${entry.state} ${entry.reason}`;
  if (row.dataset.known === known) return;
  Object.assign(row.dataset, { known, state: entry.state });
  $(".queued-name", row).textContent = `${shownName(entry)} · ${bytes(entry.size)}`;
  $(".queued-state", row).textContent = sentence(entry);
  $(".queued-progress", row).hidden = entry.state !== "sending";
  $(".queued-actions", row).replaceChildren(...actions(entry));
}

const shownName = (entry) =>
  entry.source === "memo" && entry.reason !== "shared" && /^\d{4}-\d\d-\d\d-/.test(entry.name)
    ? text("queue.recording_of", { when: moment(entry.added) })
    : entry.name;

function sentence(entry) {
  if (entry.state === "failed") return text("queue.failed", { reason: entry.reason });
  if (entry.state === "offered") return text(`queue.${entry.reason}`);
  if (entry.state === "sending") return text("queue.sending");
  return entry.reason ? `${text("queue.waiting")} ${entry.reason}` : text("queue.waiting");
}

function actions(entry) {
  const found = [];
  if (["offered", "failed"].includes(entry.state) || entry.tries)
    found.push(["queue.send", () => queue.release(entry.id)]);
  if (entry.state !== "sending") found.push(["queue.download", () => keep(entry)]);
  found.push([entry.state === "sending" ? "queue.cancel" : "queue.discard", () => drop(entry)]);
  return found.map(([key, act], at) => {
    const button = make("button", { type: "button", class: at ? "link" : "secondary" }, text(key));
    button.addEventListener("click", act);
    return button;
  });
}

async function keep(entry) {
  download(await soundOf(entry.id, entry.type), entry.name);
}

async function drop(entry) {
  if (await ask(text("queue.discard_ask"), text("queue.discard"))) await queue.drop(entry.id);
}

function progress({ id, progress: share }) {
  const row = $(`#queue [data-id="${CSS.escape(id)}"]`);
  if (row) $(".queued-progress", row).value = share;
}

function countDown() {
  for (const row of document.querySelectorAll("#queue [data-next]:not([data-next=''])")) {
    const left = Math.ceil((row.dataset.next - Date.now()) / 1000);
    const words = `${text("queue.waiting")} ${row.dataset.reason}`;
    const then = left > 0 ? ` ${again(left, Number(row.dataset.next))}` : "";
    // Those who listen hear why once, not each second.
    const place = $(".queued-state", row);
    place.setAttribute("aria-live", "off");
    place.textContent = words + then;
  }
}

const again = (left, next) =>
  left > 120 ? text("queue.again_at", { when: moment(next) }) : text("queue.again_in", { count: left });
