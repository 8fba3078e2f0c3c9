// The page: what a person does, and what is shown for it.

import { drawBand, drawCurves, drawPicture, drawPie } from "./draw.js";
import { Microphone } from "./microphone.js";
import { Player } from "./player.js";
import { Song, clock, percent, ranked } from "./song.js";
import { send } from "./upload.js";

const COLUMN_SECONDS = (4 * 1024) / 22050; // of the picture
const LIVE_STEPS = 160; // of the microphone on the screen: the last minute
const at = (id) => document.getElementById(id);
const TAGS = 10; // of a whole song's that are listed
let song = null;
let file = null; // of the song, null from the microphone
let comparison = null;
let giveUp = () => {};
let microphone = null;
let dirty = false;
const player = new Player(at("audio"), showMoment);

const SOUND = at("file").accept;

function say(text) { at("status").textContent = text; }

function complain(text) {
  at("problem").hidden = !text;
  at("problem").textContent = text ? `That did not work: ${text}.` : "";
}

// From 0 to 1; undefined: nobody knows; null: over.
function progress(share) {
  at("progress").hidden = share === null;
  if (share === undefined) at("progress").removeAttribute("value");
  else if (share !== null) at("progress").value = share;
}

const chosen = () => at("system").selectedOptions[0];
const noun = () => (chosen().dataset.accepts ? "file" : "song");

// What the page says and offers for the network that is chosen.
function showSystem() {
  const { title, says, live, accepts, untrained, fetch: command } = chosen().dataset;
  at("file").accept = accepts || SOUND;
  at("chosen").textContent = `${title}.`;
  at("says").textContent = says;
  if (untrained === "1") at("trained").textContent = command;
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
  song = new Song(name);
  song.system = chosen().value;
  file = null;
  comparison = null;
  at("listener").textContent = `Heard by: ${chosen().dataset.title}`;
  at("song-title").textContent = name;
  for (const id of ["song", "compare", "silent"]) at(id).hidden = true;
  at("delay").textContent = "";
  at("play").disabled = true;
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

const HANDLERS = {
  upload({ share }) {
    progress(share);
    if (share === 1) say("Sent. Waiting for the first answer…");
  },
  queued({ waiting }) { if (waiting) say(`Sent. ${waiting} other ${waiting === 1 ? "song is" : "songs are"} before yours…`); },
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
    const [[p, g]] = ranked(content.clip_probs);
    say(`Done: ${song.labels[g]}, ${percent(p)} over the whole ${noun()}.`);
  },
  original(content) { comparison = content; showComparison(); },
  error({ error }) { complain(error); say(""); },
  end() { progress(null); },
};

function showSong() {
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
  if (!dirty) requestAnimationFrame(redraw);
  dirty = true;
}

function redraw() {
  dirty = false;
  if (!song?.known) return;
  for (const id of ["now", "scrubber", "legend"]) at(id).hidden = !song.curved;
  at("tags").hidden = song.curved;
  at("picture").hidden = !song.columns.length;
  const whole = song.whole();
  if (!song.curved) return drawBars(whole);
  drawBand(at("band"), song);
  drawPicture(at("picture"), song, COLUMN_SECONDS);
  at("band").dataset.steps = song.steps.length;
  at("band").dataset.total = song.total;
  at("legend").replaceChildren(...song.labels.map((name, g) => row(g, name, percent(whole[g]))));
  if (comparison?.step_probs) drawCurves(at("curves"), song.steps, comparison.step_probs, comparison.differ);
}

function drawBars(probs) {
  const sum = probs.reduce((a, b) => a + b, 0);
  at("apart").hidden = Math.abs(sum - 1) < 0.01;
  at("bars").replaceChildren(...ranked(probs).slice(0, TAGS).map(([p, g]) => {
    const made = element("li", "");
    const [name, room, bar, share] = [element("span", song.labels[g]), element("span", ""), element("span", ""),
      element("span", percent(p))];
    [name.className, room.className, bar.className, share.className] = ["name", "room", "bar", "share"];
    bar.style.width = `${100 * p}%`;
    room.append(bar);
    made.append(name, room, share);
    return made;
  }));
}

function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

function row(g, name, share) {
  const made = document.createElement("li");
  const swatch = element("span", "");
  swatch.className = "swatch";
  swatch.style.background = `var(--genre-${g})`;
  const number = element("span", share);
  number.className = "share";
  made.append(swatch, element("span", name), number);
  return made;
}

function showMoment() {
  if (!song?.known) return;
  const time = microphone ? song.duration : player.time;
  at("time").textContent = microphone ? clock(microphone.sent / microphone.context.sampleRate)
    : `${clock(time)} of ${clock(song.duration)}`;
  at("silent").hidden = !player.silent;
  at("play").setAttribute("aria-label", player.playing ? "Pause" : "Play");
  at("play-path").setAttribute("d", player.playing ? "M6 4h4v16H6zM14 4h4v16h-4z" : "M7 4v16l13-8z");
  if (song.curved) showCurvesAt(time);
  if (player.playing) requestAnimationFrame(showMoment);
}

function showCurvesAt(time) {
  const probs = microphone ? song.steps.at(-1) : song.at(time);
  at("head").style.left = `${100 * Math.min(time / song.duration, 1)}%`;
  at("moment").textContent = microphone ? "Right now" : `At ${clock(time)}`;
  const top = probs ? ranked(probs).slice(0, 3).filter(([p], n) => n === 0 || p >= 0.005) : [];
  if (probs) drawPie(at("pie"), probs, song.labels);
  at("words").replaceChildren(...(probs ? top.map(([p, g]) => row(g, song.labels[g], percent(p))) : [element("li", "not heard yet")]));
  const words = top.map(([p, g]) => `${song.labels[g]} ${percent(p)}`).join(", ");
  at("scrubber").setAttribute("aria-valuenow", time.toFixed(1));
  at("scrubber").setAttribute("aria-valuetext", `${clock(time)} of ${clock(song.duration)}: ${words || "not heard yet"}`);
}

function showComparison() {
  at("compare").hidden = false;
  const found = comparison.step_probs;
  for (const id of ["curves", "curves-key"]) at(id).hidden = !found;
  if (!found) {
    at("verdict").textContent = `Not compared: ${comparison.unavailable}.`;
    return;
  }
  const { differ, max_abs: worst, at_step: step, at_label: label, source } = comparison;
  const who = source === "live" ? "The original, running beside this page," : "The original, as recorded,";
  const genres = differ.length ? `another genre on ${differ.length} of ${found.length} steps`
    : `the same genre on all ${found.length} steps`;
  at("verdict").textContent = `${who} names ${genres}. Largest |dp| = ${worst.toExponential(1)}, at step ${step + 1} (${
    song.labels[label]}).`;
  at("differ-key").hidden = !differ.length;
  redraw();
}

function seekTo(seconds) { if (song?.known && !microphone) player.seek(seconds); }

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
    return complain(`no microphone: ${error.message}`.replace(/\.$/, ""));
  }
  microphone = ear;
  at("microphone").setAttribute("aria-pressed", "true");
  at("microphone").textContent = "Stop the microphone";
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
  if (!at("status").textContent.startsWith("Hearing")) say("Hearing you.");
  showSong();
}

function stopMicrophone() {
  if (!microphone) return;
  microphone.stop();
  microphone = null;
  at("microphone").setAttribute("aria-pressed", "false");
  at("microphone").textContent = "Use the microphone";
  say("The microphone is off.");
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
at("play-clip")?.addEventListener("click", async () => {
  const name = at("clip").value;
  const answer = await fetch(`/clips/${encodeURIComponent(name)}`);
  analyse(new File([await answer.blob()], name));
});
at("microphone").addEventListener("click", toggleMicrophone);
at("system").addEventListener("change", () => { stopMicrophone(); showSystem(); });
at("again").addEventListener("click", () => { at("system").focus(); analyse(file); });
at("play").addEventListener("click", () => player.toggle());
at("scrubber").addEventListener("pointerdown", (e) => {
  const box = at("scrubber").getBoundingClientRect();
  seekTo(((e.clientX - box.left) / box.width) * (song?.duration ?? 0));
});
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
