// Listening: the peaks that were measured while transcribing make the waveform, so that nothing is
// decoded here; a click goes there, words follow the sound and lead to it.

import { $, $$, make } from "./dom.js";
import { clock, text } from "./text.js";

const [STEP, BIG_STEP] = [5, 15];

/** Bring the player of a note's page to life. */
export function start() {
  const player = $("#player");
  if (!player) return;
  wave(player);
  speed(player);
  steps(player);
  segments(player);
  remember(player);
}

/** Go to `seconds` and play from there. */
function go(player, seconds, playing = true) {
  const there = () => {
    player.currentTime = Math.max(0, seconds);
    if (playing) player.play().catch(() => {});
  };
  if (player.readyState) return there();
  player.addEventListener("loadedmetadata", there, { once: true });
  player.load();
}

/** Keys of the page: play or pause, and steps. */
export function press(key, big) {
  const player = $("#player");
  if (!player) return false;
  if (key === " ") player.paused ? player.play().catch(() => {}) : player.pause();
  else step(player, (key === "ArrowLeft" ? -1 : 1) * (big ? BIG_STEP : STEP));
  return true;
}

const step = (player, seconds) => go(player, player.currentTime + seconds, !player.paused);

function steps(player) {
  for (const button of $$(".steps [data-step]"))
    button.addEventListener("click", () => step(player, Number(button.dataset.step)));
}

function wave(player) {
  const place = $("#waveform");
  const peaks = JSON.parse(place?.dataset.peaks || "[]");
  const told = Number(place?.dataset.duration) || 0;
  if (!peaks.length || !told) return;
  const canvas = make("canvas", { "aria-hidden": "true" });
  const range = make("input", { type: "range", min: "0", max: String(told), step: "0.5", value: "0", "aria-label": text("position") });
  place.append(canvas, range);
  place.hidden = false;
  const draw = () => {
    paint(canvas, peaks, player.currentTime / told);
    range.value = player.currentTime;
    range.setAttribute("aria-valuetext", `${clock(player.currentTime)} / ${clock(told)}`);
  };
  range.addEventListener("input", () => go(player, Number(range.value), !player.paused));
  range.addEventListener("click", () => go(player, Number(range.value)));
  for (const event of ["timeupdate", "seeked"]) player.addEventListener(event, draw);
  new ResizeObserver(draw).observe(place);
}

function paint(canvas, peaks, share) {
  const scale = devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth * scale, canvas.clientHeight * scale];
  Object.assign(canvas, { width, height });
  const pen = canvas.getContext("2d");
  const style = getComputedStyle(canvas);
  const step = width / peaks.length;
  peaks.forEach((peak, at) => {
    const high = Math.max(peak * height, scale);
    pen.fillStyle = at / peaks.length < share ? style.color : style.borderColor;
    pen.fillRect(at * step, (height - high) / 2, Math.max(step * 0.7, 1), high);
  });
}

function speed(player) {
  const select = $("#speed");
  if (!select) return;
  const kept = localStorage.getItem("bau-speed");
  if (kept && [...select.options].some(({ value }) => value === kept)) select.value = kept;
  const set = () => (player.playbackRate = player.defaultPlaybackRate = Number(select.value));
  select.addEventListener("change", () => (set(), localStorage.setItem("bau-speed", select.value)));
  set();
}

function segments(player) {
  const all = $$(".segment");
  if (!all.length) return;
  for (const segment of all) {
    segment.addEventListener("click", () => getSelection().isCollapsed && go(player, Number(segment.dataset.start)));
  }
  let current;
  player.addEventListener("timeupdate", () => {
    const now = player.currentTime;
    const here = all.find(({ dataset: { start, end } }) => now >= start && now < end);
    if (here === current) return;
    current?.classList.remove("current");
    here?.classList.add("current");
    current = here;
  });
}

// Where somebody stopped, for this visit of the browser.
function remember(player) {
  const key = `bau-at-${$("#note").dataset.id}`;
  const at = Number(sessionStorage.getItem(key));
  if (at > 1) player.addEventListener("loadedmetadata", () => player.currentTime || (player.currentTime = at), { once: true });
  player.addEventListener("timeupdate", () => sessionStorage.setItem(key, player.currentTime));
  player.addEventListener("ended", () => sessionStorage.removeItem(key));
}
