// One note as a row of the list, made from the page's template with text alone.

import { $, make } from "./dom.js";
import { clock, moment, text } from "./text.js";

const SHOWN = 220;
/** States after which nothing happens by itself. */
export const ENDED = ["completed", "failed"];

/** A row for `note`, as the API lists it. */
export function row(note) {
  const item = $("#note-template").content.firstElementChild.cloneNode(true);
  fill(item, note);
  return item;
}

/** Show `note` in `item`, a row from the template or from the server. */
export function fill(item, note) {
  Object.assign(item.dataset, {
    id: note.id, status: note.processing_status, box: note.box?.id ?? "",
  });
  $(".note-link", item).href = `/notes/${note.id}`;
  $(".note-snippet", item).replaceChildren(...pieces(note));
  const time = $(".note-time", item);
  if (time.dateTime !== note.created_at) {
    time.dateTime = note.created_at;
    time.textContent = moment(note.created_at);
  }
  $(".note-box", item).textContent = note.box?.name ?? text("inbox");
  $(".note-duration", item).textContent = note.duration_seconds ? clock(note.duration_seconds) : "";
  $(".note-state", item).textContent = stateOf(note);
  let fault = $(".note-error", item);
  if (!fault && note.error) item.append((fault = make("p", { class: "note-error" })));
  if (fault) fault.hidden = !note.error;
  if (fault) fault.textContent = note.error?.message ?? "";
}

/** What a note waits for, how far it has come, or how it ended. */
export function stateOf(note) {
  const { processing_status: status, parts_total: total, parts_done: done } = note;
  const silent = status === "completed" && note.speech === false;
  const words = [text(silent ? "state.silent" : `state.${status}`)];
  if (status === "transcribing" && total > 1) words.push(text("state.parts", { done, total }));
  if (note.queue_position) words.push(text("state.ahead", { count: note.queue_position }));
  return words.join(" · ");
}

/** The found part of a transcript with its words marked, or its beginning. */
function pieces(note) {
  if (!note.snippet) {
    const words = Array.from(note.transcript);
    const short = words.slice(0, SHOWN).join("").trimEnd();
    return [words.length > SHOWN ? `${short}…` : short || text("note.no_words")];
  }
  // Highlights count code points.
  const { start, highlights } = note.snippet;
  const words = Array.from(note.snippet.text);
  const made = start ? ["…"] : [];
  let at = 0;
  for (const [from, to] of highlights) {
    made.push(words.slice(at, from).join(""), make("mark", {}, words.slice(from, to).join("")));
    at = to;
  }
  return [...made, words.slice(at).join("")];
}
