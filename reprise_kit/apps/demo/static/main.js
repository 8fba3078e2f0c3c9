// The page: what a person does, and what is shown for it.

import { busy, complain, progress } from "./doing.js";
import { Microphone, refusal } from "./microphone.js";
import { Player } from "./player.js";
import { save } from "./save.js";
import { seldom } from "./say.js";
import { Song, clock, percent, ranked } from "./song.js";
import { send } from "./upload.js";
import { drawSong, element, showComparison, showMomentOf } from "./view.js";

const LIVE_STEPS = 160; // of the microphone on the screen: the last minute
const LONG_SECONDS = 60; // of a song that may be zoomed
const WIDEST = 15_000; // pixels of a canvas
const at = (id) => document.getElementById(id);
let song = null;
let file = null; // of the song, null from the microphone
let recording = null;
let comparison = null;
let giveUp = () => {};
let microphone = null;
let dirty = false;
let zoom = 1;
const player = new Player(at("audio"), showMoment);

const SOUND = at("file").accept;
const say = seldom(2000, (text) => { at("status").textContent = text; });

const chosen = () => at("system").selectedOptions[0];
const noun = () => (chosen().dataset.accepts ? "file" : "song");

// What the page says and offers for the network that is chosen.
function showSystem() {
  const { title, says, live, accepts, untrained } = chosen().dataset;
  at("file").accept = accepts || SOUND;
  at("chosen").textContent = `${title}.`;
  at("says").textContent = says;
  at("untrained").hidden = untrained === "0";
  at("microphone").disabled = live === "0";
  at("deaf").hidden = live !== "0";
  at("curl-system").textContent = chosen().value;
  at("again").hidden = !file || song.system === chosen().value;
}

function begin(name) {
  giveUp();
  stopMicrophone();
  player.unload();
  complain("");
  progress(null);
  song = new Song(name, chosen().value, chosen().dataset.title, chosen().dataset.untrained === "1");
  song.taken = noun() === "file" ? "over the whole file" : "over all it heard";
  file = comparison = null;
  for (const place of document.querySelectorAll(".noun")) place.textContent = song.untrained ? "output" : "genre";
  at("listener").textContent = `Heard by: ${song.heardBy}`;
  at("song-title").textContent = name;
  for (const id of ["song", "compare", "silent", "saves", "recorded", "zooming"]) at(id).hidden = true;
  at("delay").textContent = "";
  at("play").disabled = true;
  zoomTo(1);
}

function analyse(given) {
  begin(given.name);
  file = given;
  showSystem();
  player.load(file);
  say("Sending the song…");
  progress(0);
  giveUp = send(file, song.system, chosen().dataset.compared === "1", (name, content) => HANDLERS[name]?.(content));
}

// No more of this song's answer comes; what was heard of it stays.
function breakOff(word) {
  progress(null);
  if (!song.ended) at("mode").textContent = word;
}

function cancel() {
  if (microphone) return stopMicrophone();
  giveUp();
  breakOff("cancelled");
  player.pause();
  return say("Cancelled.");
}

const HANDLERS = {
  upload({ share }) {
    progress(share);
    if (share === 1) say("Sent. Waiting for the first answer…");
  },
  full({ seconds }) {
    progress(undefined);
    say(`Many songs are here just now. Yours is sent again by itself in ${seconds} s.`);
  },
  queued({ waiting }) {
    if (!waiting) return;
    progress(undefined);
    say(`Sent. ${waiting} other ${waiting === 1 ? "song is" : "songs are"} before yours…`);
  },
  start(content) {
    song.begin(content);
    if (song.stepSeconds) return;
    progress(undefined);
    say(`The ${noun()} is here. This network takes it as a whole: one moment…`);
  },
  steps(content) {
    song.addSteps(content);
    if (!song.steps.length) return;
    showSong();
    const share = Math.min(1, song.steps.length / song.total);
    progress(share);
    say(`Listening: ${clock(share * song.duration)} of ${clock(song.duration)} heard.`);
  },
  result(content) {
    song.finish(content);
    showSong();
    const [[p, g]] = ranked(song.whole());
    say(song.untrained ? "Done. These weights know no genres, so none is named."
      : `Done: ${song.names[g]}, ${percent(p)} ${song.over}.`);
    at("saves").hidden = false;
    document.querySelector('[data-save="png"]').hidden = !song.curved;
    at("zooming").hidden = !song.curved || song.duration < LONG_SECONDS;
  },
  original(content) {
    comparison = content;
    showComparison(song, comparison);
    redraw();
  },
  error({ error }) {
    say("");
    breakOff("broken off");
    complain(error);
  },
  end() { progress(null); },
};

function showSong() {
  const first = at("song").hidden;
  at("song").hidden = false;
  player.duration = song.duration;
  at("play").disabled = Boolean(microphone);
  at("head").hidden = Boolean(microphone);
  const live = microphone ? "live" : song.ended ? (song.mode === "exact" ? "exact" : "streamed") : "listening…";
  at("mode").textContent = live;
  at("mode").classList.toggle("exact", live === "exact");
  at("mode").title = live === "exact" ? "As the whole-file pipeline answers, the original's way" : "Answered while it arrived";
  at("scrubber").setAttribute("aria-valuemax", song.duration.toFixed(1));
  at("notes").replaceChildren(...song.notes.map((note) => element("li", note)));
  showMoment();
  if (first) {
    const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    at("song").scrollIntoView({ behavior: calm ? "auto" : "smooth", block: "start" });
    if (file && !player.playing) player.toggle(); // by itself, as the original did; where the browser lets it
  }
  if (!dirty) requestAnimationFrame(redraw);
  dirty = true;
}

function redraw() {
  dirty = false;
  if (song?.known) drawSong(song, comparison);
}

function showMoment() {
  if (!song?.known) return;
  const time = microphone ? song.duration : player.time;
  at("time").textContent = microphone ? clock(microphone.sent / microphone.context.sampleRate)
    : `${clock(time)} of ${clock(song.duration)}`;
  at("silent").hidden = !player.silent || !player.why;
  if (player.silent) at("silent").textContent = `${player.why} The play head moves without sound.`;
  at("play").setAttribute("aria-label", player.playing ? "Pause" : "Play");
  at("play-path").setAttribute("d", player.playing ? "M6 4h4v16H6zM14 4h4v16h-4z" : "M7 4v16l13-8z");
  if (song.curved) {
    showMomentOf(song, microphone ? song.steps.at(-1) : song.at(time), time, microphone ? "Right now" : `At ${clock(time)}`);
    if (player.playing) keepInSight(time);
  }
  if (player.playing) requestAnimationFrame(showMoment);
}

// Of a zoomed song, the part around the play head.
function keepInSight(time) {
  const { clientWidth, scrollWidth, scrollLeft } = at("scroll");
  const x = (time / song.duration) * scrollWidth;
  if (zoom > 1 && (x < scrollLeft || x > scrollLeft + clientWidth)) at("scroll").scrollLeft = x - clientWidth / 4;
}

function zoomTo(times) {
  zoom = Math.max(1, times);
  at("scrubber").style.width = `${100 * zoom}%`;
  at("zoom").textContent = `${zoom}×`;
  at("out").disabled = zoom === 1;
  at("in").disabled = at("scroll").clientWidth * 2 * zoom * (window.devicePixelRatio || 1) > WIDEST;
  redraw();
  if (song?.known) at("scroll").scrollLeft = (player.time / song.duration) * at("scroll").scrollWidth - at("scroll").clientWidth / 2;
}

function seekTo(seconds) { if (song?.known && !microphone) player.seek(seconds); }

function scrub(e) {
  const box = at("scrubber").getBoundingClientRect();
  seekTo(((e.clientX - box.left) / box.width) * (song?.duration ?? 0));
}

async function toggleMicrophone() {
  if (microphone) return stopMicrophone();
  begin("Microphone");
  showSystem();
  const ear = new Microphone(heard, (text) => { complain(text); stopMicrophone(); });
  try {
    if (!navigator.mediaDevices) throw new Error("the browser gives the microphone to this computer's own pages and to https only");
    song.begin(await ear.start(song.system));
  } catch (error) {
    ear.stop();
    return complain(`no microphone: ${refusal(error)}`.replace(/\.$/, ""));
  }
  microphone = ear;
  at("microphone").setAttribute("aria-pressed", "true");
  at("microphone").textContent = "Stop the microphone";
  busy(true, "Stop");
  return say("Listening. The first answer takes about two seconds.");
}

function heard(content, delay) {
  content.first = song.steps.length; // older steps leave the screen
  song.addSteps(content);
  if (song.steps.length > LIVE_STEPS) song.steps.splice(0, song.steps.length - LIVE_STEPS);
  const columns = 2 * (song.steps.length + 3);
  if (song.columns.length > columns) song.columns.splice(0, song.columns.length - columns);
  if (!song.steps.length) return;
  if (delay !== null) at("delay").textContent = `${delay.toFixed(1)} s from sound to screen`;
  if (song.steps.length === content.step_probs.length) say("Hearing you.");
  showSong();
}

function stopMicrophone() {
  if (!microphone) return;
  recording = microphone.recording();
  microphone.stop();
  microphone = null;
  busy(false);
  at("microphone").setAttribute("aria-pressed", "false");
  at("microphone").textContent = "Use the microphone";
  at("recorded").hidden = !recording;
  say("The microphone is off.");
}

async function analyseOurs(name) {
  const answer = await fetch(`/clips/${encodeURIComponent(name)}`);
  analyse(new File([await answer.blob()], name));
}

at("file").addEventListener("change", (e) => { if (e.target.files[0]) analyse(e.target.files[0]); e.target.value = ""; });
at("form").addEventListener("submit", (e) => e.preventDefault());
for (const name of ["dragover", "dragleave", "drop"]) {
  at("drop").addEventListener(name, (e) => {
    e.preventDefault();
    at("drop").classList.toggle("over", name === "dragover");
    if (name === "drop" && e.dataTransfer.files[0]) analyse(e.dataTransfer.files[0]);
  });
}
at("play-clip").addEventListener("click", () => analyseOurs(at("clip").value));
for (const piece of document.querySelectorAll(".piece")) piece.addEventListener("click", () => analyseOurs(piece.dataset.clip));
document.querySelector("#untrained a").addEventListener("click", () => { at("all-networks").open = true; });
at("microphone").addEventListener("click", toggleMicrophone);
at("recorded").addEventListener("click", () => analyse(recording));
at("cancel").addEventListener("click", cancel);
at("system").addEventListener("change", () => { stopMicrophone(); showSystem(); });
at("again").addEventListener("click", () => { at("system").focus(); analyse(file); });
at("play").addEventListener("click", () => player.toggle());
at("volume").addEventListener("input", (e) => { player.volume = Number(e.target.value); });
at("in").addEventListener("click", () => zoomTo(2 * zoom));
at("out").addEventListener("click", () => zoomTo(zoom / 2));
for (const button of document.querySelectorAll("[data-save]")) {
  const drawn = () => (song.curved ? ["band", "picture", "ticks"] : []).map(at).filter((canvas) => !canvas.hidden);
  button.addEventListener("click", () => save(button.dataset.save, song, drawn()));
}
at("scrubber").addEventListener("pointerdown", (e) => {
  at("scrubber").setPointerCapture(e.pointerId);
  scrub(e);
});
at("scrubber").addEventListener("pointermove", (e) => { if (at("scrubber").hasPointerCapture(e.pointerId)) scrub(e); });
at("scrubber").addEventListener("keydown", (e) => {
  const far = Math.max(5, (song?.duration ?? 0) / 10);
  const to = { ArrowLeft: player.time - 1, ArrowDown: player.time - 1, ArrowRight: player.time + 1, ArrowUp: player.time + 1,
    PageDown: player.time - far, PageUp: player.time + far, Home: 0, End: player.duration }[e.key];
  if (to !== undefined) seekTo(to);
  else if (e.key === " " && !microphone) player.toggle();
  else return;
  e.preventDefault();
});
window.addEventListener("resize", redraw);
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
window.addEventListener("pagehide", stopMicrophone);
showSystem();
