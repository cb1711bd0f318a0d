// The page's scripts start here: what a page has comes to life.

import { $, $$, ask, toast } from "./dom.js";
import * as intake from "./intake.js";
import * as keys from "./keys.js";
import * as list from "./list.js";
import * as live from "./live.js";
import * as note from "./note.js";
import * as offline from "./offline.js";
import * as outbox from "./outbox.js";
import * as queue from "./queue.js";
import * as recorder from "./recorder.js";
import * as several from "./several.js";
import { forget, greet, user } from "./store.js";
import { text } from "./text.js";

const { page, offline: without } = document.body.dataset;

function zone() {
  const name = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (name) document.cookie = `timezone=${name}; path=/; max-age=34560000; samesite=lax`;
}

function home() {
  recorder.start();
  outbox.start();
  queue.on("received", (received) => {
    if (without !== undefined) return;
    list.prepend(received);
    live.follow();
  });
  if (without !== undefined) return offline.start();
  list.start();
  several.start();
  live.start();
  const look = () => document.hidden || list.refresh().catch(() => {});
  document.addEventListener("visibilitychange", look);
  look();
}

/** Signing out leaves nothing of what was read, and warns of what was not sent. */
function leaving() {
  const form = $("#logout")?.form;
  form?.addEventListener("submit", async (event) => {
    event.preventDefault();
    const unsent = (await queue.waiting()).length;
    if (unsent && !(await ask(text("unsent", { count: unsent }), text("sign_out")))) return;
    await forget();
    form.submit();
  });
}

/** Buttons that copy what stands on the page, where the browser lets us. */
function copying() {
  for (const button of navigator.clipboard ? $$("[data-copy]") : []) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText($(button.dataset.copy).textContent);
      toast(text("copied"), { seconds: 4 });
    });
  }
}

zone();
navigator.serviceWorker?.register("/sw.js").catch(() => {});
if (user()) {
  await greet();
  if (page === "home") home();
  if (page === "note") note.start();
  intake.start();
  keys.start();
  leaving();
  copying();
  if (new URLSearchParams(location.search).has("shared")) history.replaceState(null, "", "/");
  if (page !== "home") queue.on("received", () => toast(text("received")));
  await queue.start();
}
document.documentElement.dataset.ready = "";
