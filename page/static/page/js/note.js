// One note's page: what happens to it appears, and what its forms do needs no reload.

import { call } from "./api.js";
import { $, toast } from "./dom.js";
import { move, remove } from "./filing.js";
import * as live from "./live.js";
import * as player from "./player.js";
import { stateOf } from "./rows.js";
import { seen } from "./store.js";
import { text } from "./text.js";

/** Bring the page of a note to life. */
export function start() {
  dress();
  live.start(changed);
  call(`notes/${article().dataset.id}`).then(({ data }) => seen.set(data.id, data)).catch(() => {});
}

const article = () => $("#note");

function dress() {
  player.start();
  const send = (id, act) =>
    $(id)?.addEventListener("submit", (event) => (event.preventDefault(), act(event)));
  const own = article();
  send("#move-form", () => moveTo($("#move-box").selectedOptions[0]));
  $("#move-box")?.addEventListener("change", () => moveTo($("#move-box").selectedOptions[0]));
  send("#suggestions", ({ submitter }) => moveTo(submitter));
  send("#retry", () => retry(own));
  send("#edit-form", () => save(own));
  $("#delete")?.addEventListener("click", (event) => {
    event.preventDefault();
    remove([own], () => location.assign("/"));
  });
  own.dataset.box = $("#move-box")?.value ?? "";
  copying();
}

function copying() {
  if (!navigator.clipboard || !$(".downloads") || $("#copy")) return;
  const [item, button] = [document.createElement("li"), document.createElement("button")];
  Object.assign(button, { id: "copy", type: "button", className: "link", textContent: text("copy") });
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText($("#edit-transcript").value);
    toast(text("copied"), { seconds: 4 });
  });
  item.append(button);
  $(".downloads").prepend(item);
}

async function moveTo({ value, textContent }) {
  await move([article()], value || null, textContent.trim());
  await redraw();
}

async function retry(own) {
  await ask(`notes/${own.dataset.id}/retry`, { method: "POST" });
}

async function save(own) {
  const [words, etag] = [$("#edit-transcript").value, $("#edit-form").elements.etag.value];
  const options = { method: "PATCH", body: { transcript: words }, etag };
  if (await ask(`notes/${own.dataset.id}`, options)) toast(text("saved"), { seconds: 4 });
}

async function ask(path, options) {
  try {
    await call(path, options);
  } catch (failure) {
    // What was typed stays where it is.
    toast(failure.message);
    return false;
  }
  await redraw(true);
  live.follow();
  return true;
}

async function changed(note) {
  seen.set(note.id, note);
  const own = article();
  const ended = own.dataset.status !== note.processing_status;
  own.dataset.status = note.processing_status;
  Object.assign(own.dataset, { partsDone: note.parts_done, partsTotal: note.parts_total ?? "" });
  $("#note-state").textContent = stateOf(note);
  $("#note-progress").textContent = "";
  if (ended) await redraw();
}

/** The note as the server draws it, unless that would disturb who is writing or listening. */
async function redraw(written = false) {
  const busy = (!written && $("#edit")?.open) || ($("#player") && !$("#player").paused);
  if (busy) return;
  const answer = await fetch(location.pathname, { cache: "no-store" }).catch(() => null);
  if (!answer?.ok || answer.redirected) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("#note");
  if (!fresh) return;
  const at = document.activeElement?.id;
  fresh.hidden = article().hidden;
  article().replaceWith(document.adoptNode(fresh));
  dress();
  if (at) document.getElementById(at)?.focus();
}

/** Where a key leads on this page. */
export function lead(id) {
  const place = $(id);
  const folded = place?.closest("details");
  if (folded) folded.open = true;
  place?.focus();
  return Boolean(place);
}
