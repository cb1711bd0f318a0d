// Several notes at once: mark them, then move or delete them; or drag them onto a box.

import { $, $$, make, toast } from "./dom.js";
import { boxes, move, remove } from "./filing.js";
import { text } from "./text.js";

/** Marks on the rows of the list, and a bar for what is marked. */
export function start() {
  const list = $("#notes");
  if (!list) return;
  const dress = () => {
    for (const item of $$(".note:not([draggable])", list)) prepare(item);
  };
  new MutationObserver(dress).observe(list, { childList: true });
  list.addEventListener("change", show);
  dress();
}

function prepare(item) {
  item.draggable = true;
  const label = make("label", { class: "pick" });
  label.append(make("input", { type: "checkbox" }), make("span", { class: "visually-hidden" }, text("pick")));
  item.append(label);
  item.addEventListener("dragstart", (event) => {
    event.dataTransfer.setData("text/x-note", item.dataset.id);
    showTargets(picked().includes(item) ? picked() : [item]).catch((failure) => toast(failure.message));
  });
  item.addEventListener("dragend", () => $("#targets")?.remove());
}

const picked = () => $$("#notes .note").filter((item) => !item.hidden && $(".pick input", item)?.checked);

let making = null;

async function show() {
  if (!$("#several") && picked().length) {
    // A second mark may come while the bar of the first is being made.
    making ??= made().finally(() => (making = null));
    const bar = await making.catch((failure) => toast(failure.message));
    if (bar instanceof Element && !$("#several")) document.body.append(bar);
  }
  const [bar, items] = [$("#several"), picked()];
  if (bar && items.length) $(".several-count", bar).textContent = text("count", { count: items.length });
  else bar?.remove();
}

async function made() {
  const bar = make("div", { id: "several", role: "region", "aria-label": text("several") });
  const gone = make("button", { type: "button", class: "danger" }, text("delete"));
  gone.addEventListener("click", () => done(remove(picked())));
  const select = await boxSelect((box, name) => done(move(picked(), box, name)));
  bar.append(make("span", { class: "several-count" }), select, gone);
  return bar;
}

function done() {
  for (const box of $$("#notes .pick input:checked")) box.checked = false;
  $("#several")?.remove();
}

/** A menu of boxes that calls `chosen(id or null, name)`. */
export async function boxSelect(chosen) {
  const select = make("select", { "aria-label": text("move_to") });
  select.append(new Option(text("move_to"), "-"), new Option(text("inbox"), ""));
  for (const box of await boxes()) select.append(new Option(box.name, box.id));
  select.addEventListener("change", () => {
    const { value, label } = select.selectedOptions[0];
    if (value !== "-") chosen(value || null, label);
  });
  return select;
}

async function showTargets(items) {
  const strip = make("div", { id: "targets", "aria-hidden": "true" });
  document.body.append(strip);
  for (const box of [{ id: null, name: text("inbox") }, ...(await boxes())]) {
    const target = make("div", { class: "target", dir: "auto" }, box.name);
    target.addEventListener("dragover", (event) => event.preventDefault());
    target.addEventListener("drop", (event) => {
      event.preventDefault();
      event.stopPropagation();
      strip.remove();
      move(items, box.id, box.name);
    });
    strip.append(target);
  }
}
