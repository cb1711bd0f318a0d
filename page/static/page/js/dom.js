// Small things that every module needs of the document. Text goes in as text, never as HTML.

import { text } from "./text.js";

export const $ = (selector, within = document) => within.querySelector(selector);
export const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];

/** A new element: `make("a", {href}, "text", child)`. Unknown names become attributes. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element && typeof value !== "string") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** Put `words` into the element at `selector`, if there is one; true if they are other words. */
export function write(selector, words, within = document) {
  const element = $(selector, within);
  if (!element || element.textContent === words) return false;
  element.textContent = words;
  return true;
}

/** Tell people who listen instead of looking. */
export function announce(words) {
  const live = $("#live");
  if (live) live.textContent = words;
}

let bar;

/** A line at the edge of the page for `seconds`, with at most one thing to do. */
export function toast(words, { label, act, seconds = 10 } = {}) {
  bar?.close();
  const close = () => {
    clearTimeout(timer);
    box.remove();
    if (bar?.box === box) bar = null;
  };
  const box = make("div", { class: "toast", role: "status" }, make("span", {}, words));
  if (label) {
    const button = make("button", { type: "button", class: "toast-action" }, label);
    button.addEventListener("click", () => (close(), act()));
    box.append(button);
  }
  const timer = setTimeout(close, seconds * 1000);
  document.body.append(box);
  bar = { box, close };
  return close;
}

/** Ask before something that cannot be undone; true if they go ahead. */
export function ask(words, yes, no = text("cancel")) {
  const dialog = make("dialog", { class: "ask" });
  const form = make("form", { method: "dialog" });
  const button = (value, label) => make("button", { value, class: value === "no" ? "secondary" : "" }, label);
  form.append(make("p", {}, words), button("no", no), button("yes", yes));
  dialog.append(make("article", {}, form));
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
}

/** Save `blob` as a file of the device. */
export function download(blob, name) {
  const link = make("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** `action`, once no call has come for `pause` milliseconds. */
export function debounced(action, pause) {
  let timer;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => action(...values), pause);
  };
}
