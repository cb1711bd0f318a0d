// Files come in by picker, by dropping them anywhere, and by pasting.

import { $, announce, toast } from "./dom.js";
import * as queue from "./queue.js";
import { bytes, text } from "./text.js";

/** Milliseconds a browser has to tell how long a file is. */
const PATIENCE = 3000;
/** Files of fewer bytes are not asked how long they are. */
const LONG = 100_000;

/** What the server refuses is told before anything is sent, as far as a name and size tell it. */
export function refusal(file, limit) {
  if (!file.size) return text("intake.empty", { name: file.name });
  if (file.size > limit) return text("intake.too_large", { name: file.name, limit: bytes(limit) });
  const sound = /^(audio|video)\//.test(file.type) || file.type === "application/ogg";
  const named = /\.(ogg|oga|opus|webm|m4a|mp4|mp3|wav|flac|aac|amr|caf|3gp)$/i.test(file.name);
  return sound || named ? "" : text("intake.not_audio", { name: file.name });
}

/** How many seconds of sound `file` has; NaN where this browser cannot tell, or not at once. */
function secondsOf(file) {
  const player = new Audio();
  const url = URL.createObjectURL(file);
  return new Promise((resolve) => {
    const told = () => {
      resolve(player.duration);
      URL.revokeObjectURL(url);
    };
    for (const event of ["loadedmetadata", "error"]) player.addEventListener(event, told, { once: true });
    setTimeout(told, PATIENCE);
    player.preload = "metadata";
    player.src = url;
  });
}

async function tooLong(file, minutes) {
  if (!minutes || file.size < LONG) return "";
  const seconds = await secondsOf(file);
  const long = Number.isFinite(seconds) && seconds > minutes * 60;
  return long ? text("intake.too_long", { name: file.name, count: minutes }) : "";
}

/** Take in all `files` that can be sent; true if there were any files. */
export async function take(files) {
  const settings = JSON.parse($("#page-settings")?.textContent || "{}");
  const limit = (settings.max_upload_mb || 48) * 2 ** 20;
  const refused = [];
  for (const file of files) {
    const reason = refusal(file, limit) || (await tooLong(file, settings.max_audio_minutes));
    if (reason) refused.push(reason);
    else await queue.add(file);
  }
  if (refused.length) {
    toast(refused.join(" "), { seconds: 20 });
    announce(refused.join(" "));
  }
  return files.length > 0;
}

/** Listen for files on the whole page. */
export function start() {
  const form = $("#upload-form");
  form?.addEventListener("submit", async (event) => {
    event.preventDefault();
    await take([...$("#upload-file").files]);
    form.reset();
  });
  const carries = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  let depth = 0;
  const mark = (change) => {
    depth = Math.max(0, change(depth));
    document.body.classList.toggle("dropping", depth > 0);
  };
  addEventListener("dragenter", (event) => carries(event) && mark((n) => n + 1));
  addEventListener("dragleave", (event) => carries(event) && mark((n) => n - 1));
  addEventListener("dragover", (event) => carries(event) && event.preventDefault());
  addEventListener("drop", (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    mark(() => 0);
    take([...event.dataTransfer.files]);
  });
  addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length) event.preventDefault();
    take(files);
  });
}
