// Press, talk, press again. Each second of sound is on the device before the next one comes.

import { $, announce, toast } from "./dom.js";
import { holding, newId, open, release } from "./queue.js";
import { chunks } from "./store.js";
import { clock, text } from "./text.js";

/** What we ask for, best first; Safari has the last. And what a file of it is called. */
const CONTAINERS = ["audio/webm;codecs=opus", "audio/ogg;codecs=opus", "audio/mp4"];
const ENDINGS = { "audio/webm": "webm", "audio/ogg": "ogg", "audio/mp4": "m4a" };
const SLICE = 1000;
const SILENT_AFTER = 3000;
/** Root mean square of samples from -1 to 1, below which nobody speaks. */
const SILENCE = 0.01;

/** The first container that this browser writes; "" leaves it to the browser. */
export function container(supports = (type) => MediaRecorder.isTypeSupported(type)) {
  return CONTAINERS.find(supports) ?? "";
}

/** A name for a recording of `type` that began at `when`, with the ending that is true. */
export function nameOf(type, when = new Date()) {
  const stamp = when.toISOString().slice(0, 19).replace(/[:T]/g, "-");
  return `${stamp}.${ENDINGS[type.split(";")[0]] ?? "audio"}`;
}

let session = null;

/** True while there is something that leaving would cut off. */
export const isRecording = () => session !== null;

/** Make the button record. */
export function start() {
  const button = $("#record-button");
  if (!button) return;
  if (!navigator.mediaDevices?.getUserMedia || !window.MediaRecorder) {
    button.disabled = true;
    hint(text(window.isSecureContext ? "record_unsupported" : "record_insecure"));
    return;
  }
  button.addEventListener("click", toggle);
  $("#record-pause")?.addEventListener("click", pause);
  addEventListener("beforeunload", (event) => session?.recorder && event.preventDefault());
  document.addEventListener("visibilitychange", () => session?.recorder && keepAwake(session));
}

/** Begin, or end what has begun. */
export async function toggle() {
  const { state } = session?.recorder ?? {};
  if (state === "recording" || state === "paused") session.recorder.stop();
  if (session) return;
  // Taken at once: a second press must not begin a second one, and a disabled button loses focus.
  session = {};
  try {
    await begin();
  } catch (fault) {
    const code = { NotAllowedError: "microphone_refused", NotFoundError: "microphone_missing" };
    session?.stream?.getTracks().forEach((track) => track.stop());
    session?.end?.();
    session = null;
    hint(text(code[fault.name] ?? "microphone_failed"));
    show("idle");
  }
}

async function begin() {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  const wanted = container();
  const recorder = new MediaRecorder(stream, { ...(wanted && { mimeType: wanted }), audioBitsPerSecond: 48_000 });
  const type = recorder.mimeType || wanted || "audio/webm";
  const id = newId();
  const own = { id, recorder, stream, saved: Promise.resolve(), number: 0, size: 0, time: 0, quiet: 0 };
  session = own;
  // The lock is what tells other tabs that this one lives.
  const ended = new Promise((resolve) => (own.end = resolve));
  holding(id, () => ended);
  await open({ id, type, name: nameOf(type), size: 0 });
  recorder.ondataavailable = ({ data }) => keep(own, data);
  recorder.onstop = () => finish(own, recorder.mimeType || type);
  // A microphone that is pulled out ends the recording like the button does.
  stream.getAudioTracks()[0].onended = () => recorder.state !== "inactive" && recorder.stop();
  recorder.start(SLICE);
  navigator.storage?.persist?.();
  keepAwake(own);
  watch(own);
  hint(text("recording"));
  show("recording");
}

function keep(own, data) {
  if (!data.size) return;
  own.size += data.size;
  const number = own.number++;
  own.saved = own.saved.then(() => chunks.set([own.id, number], data));
}

async function finish(own, type) {
  clearInterval(own.ticker);
  own.stream.getTracks().forEach((track) => track.stop());
  own.context?.close();
  own.awake?.release().catch(() => {});
  show("saving");
  await own.saved;
  session = null;
  if (own.size) await release(own.id, { type, name: nameOf(type), size: own.size });
  own.end();
  hint(text("recording_kept"));
  announce(text("recording_kept"));
  show("idle");
}

function pause() {
  const recorder = session?.recorder;
  if (!recorder || recorder.state === "inactive") return;
  const pausing = recorder.state === "recording";
  recorder[pausing ? "pause" : "resume"]();
  hint(text(pausing ? "recording_paused" : "recording"));
  show(pausing ? "paused" : "recording");
}

/** The timer, the meter, and a word when nothing is heard. */
function watch(own) {
  const meter = $("#record-meter");
  own.context = new AudioContext();
  const analyser = own.context.createAnalyser();
  own.context.createMediaStreamSource(own.stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  let last = performance.now();
  own.ticker = setInterval(() => {
    const now = performance.now();
    const passed = now - last;
    last = now;
    if (own.recorder.state !== "recording") return;
    analyser.getFloatTimeDomainData(samples);
    const level = Math.sqrt(samples.reduce((sum, one) => sum + one * one, 0) / samples.length);
    own.time += passed;
    showLevel(meter, level);
    listen(own, level, passed);
    const output = $("#record-timer");
    if (output) output.textContent = clock(own.time / 1000);
  }, 100);
}

// Loudness is heard in decibels: -60 dB is nothing, -10 dB all of the meter.
function showLevel(meter, level) {
  if (!meter) return;
  const share = Math.min(Math.max((20 * Math.log10(level + 1e-6) + 60) / 50, 0), 1);
  if ("value" in meter) meter.value = share * (meter.max || 1);
  else meter.style.setProperty("--level", share.toFixed(2));
}

function listen(own, level, passed) {
  const before = own.quiet;
  own.quiet = level < SILENCE ? before + passed : 0;
  if (before < SILENT_AFTER && own.quiet >= SILENT_AFTER) hint(text("nothing_heard"));
  if (before >= SILENT_AFTER && !own.quiet) hint(text("recording"));
}

async function keepAwake(own) {
  if (document.hidden) return;
  own.awake = await navigator.wakeLock?.request("screen").catch(() => null);
}

function hint(words) {
  const place = $("#record-hint");
  if (place) place.textContent = words;
}

function show(state) {
  const button = $("#record-button");
  const runs = state === "recording" || state === "paused";
  $("#record")?.setAttribute("data-state", state);
  button.setAttribute("aria-pressed", String(runs));
  ($(".label", button) ?? button).textContent = text(runs ? "record_stop" : "record_start");
  const pausing = $("#record-pause");
  if (pausing) {
    pausing.hidden = !runs;
    pausing.textContent = text(state === "paused" ? "record_resume" : "record_pause");
  }
  if (state === "idle") {
    const output = $("#record-timer");
    if (output) output.textContent = clock(0);
    showLevel($("#record-meter"), 0);
  }
}

chunks.onfault = () => toast(text("device_full"), { seconds: 30 });
