// Keyboard shortcuts: single letters, silent while somebody types, and they can be turned off.

import { $, $$, make, toast } from "./dom.js";
import { move, remove } from "./filing.js";
import { lead } from "./note.js";
import { press } from "./player.js";
import { toggle } from "./recorder.js";
import { boxSelect } from "./several.js";
import { text } from "./text.js";

const OFF = "bau-keys-off";
const HELP = [["r", "record"], ["/", "search"], ["j k", "rows"], ["x", "pick"], ["m", "move"], ["d", "delete"], ["e", "edit"], ["␣", "play"], ["← →", "step"], ["?", "help"]];

/** Listen for shortcuts. */
export function start() {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const { target } = event;
    if (target.closest("input:not([type=checkbox]), textarea, select, [contenteditable], dialog, audio")) return;
    if (event.key === " " && target.closest("button, a, summary, label, input")) return;
    if (event.key !== "?" && localStorage.getItem(OFF)) return;
    if (act(event.key, event.shiftKey)) event.preventDefault();
  });
}

function act(key, big) {
  const rows = $$("#notes .note").filter(({ hidden }) => !hidden);
  const current = document.activeElement?.closest("#notes .note");
  const keys = {
    r: () => $("#record-button") && (toggle(), true),
    "/": () => lead("#q"),
    j: () => step(rows, current, 1),
    k: () => step(rows, current, -1),
    x: () => current && ($(".pick input", current).click(), true),
    m: () => (current ? menu(current) : lead("#move-box")),
    d: () => ($("#delete") ? $("#delete").click() : current && (step(rows, current, 1), remove([current])), true),
    e: () => lead("#edit-transcript"),
    "?": () => (help(), true),
  };
  if (keys[key]) return keys[key]();
  return [" ", "ArrowLeft", "ArrowRight"].includes(key) && press(key, big);
}

function step(rows, current, by) {
  const next = rows[current ? rows.indexOf(current) + by : 0];
  $(".note-link", next ?? document.createElement("i"))?.focus();
  next?.scrollIntoView({ block: "nearest" });
  return Boolean(next);
}

/** A menu of boxes for the row that has the focus. */
function menu(item) {
  const dialog = make("dialog", { "aria-label": text("move_to") });
  boxSelect(async (box, name) => {
    dialog.close();
    await move([item], box, name);
  }).then((select) => {
    dialog.append(make("article", {}, select));
    document.body.append(dialog);
    dialog.showModal();
    dialog.addEventListener("close", () => (dialog.remove(), $(".note-link", item)?.focus()));
  }).catch((failure) => toast(failure.message));
  return true;
}

function help() {
  const list = make("dl", { class: "keys" });
  for (const [key, name] of HELP) list.append(make("dt", {}, make("kbd", {}, key)), make("dd", {}, text(`key.${name}`)));
  const on = make("input", { type: "checkbox", role: "switch", checked: !localStorage.getItem(OFF) });
  on.addEventListener("change", () => (on.checked ? localStorage.removeItem(OFF) : localStorage.setItem(OFF, "1")));
  const close = make("button", { type: "submit" }, text("close"));
  const title = make("h2", { id: "keys-title" }, text("keys"));
  const form = make("form", { method: "dialog" }, make("label", {}, on, ` ${text("keys_on")}`), close);
  const dialog = make("dialog", { "aria-labelledby": "keys-title" }, make("article", {}, title, list, form));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
