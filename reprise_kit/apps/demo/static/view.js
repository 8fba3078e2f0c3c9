// What is known of a song, on the page: headline, pie, plots, lists. No events of its own.

import { drawBand, drawCurves, drawPicture, drawPie, drawTicks } from "./draw.js";
import { seldom } from "./say.js";
import { clock, percent, ranked } from "./song.js";

const COLUMN_SECONDS = (4 * 1024) / 22050; // of the picture
const TAGS = 10; // of a whole song's that are listed
const APART = 0.005; // two probabilities that are not shown as one
const at = (id) => document.getElementById(id);
const tell = seldom(1000, (text) => at("scrubber").setAttribute("aria-valuetext", text));

export function element(name, text) {
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

export function drawSong(song, comparison) {
  for (const id of ["now", "plots", "legend", "legend-title"]) at(id).hidden = !song.curved;
  at("tags").hidden = song.curved;
  for (const id of ["picture", "picture-title", "picture-axis"]) at(id).hidden = !song.columns.length;
  const whole = song.whole();
  showHeadline(song, whole);
  if (!song.curved) return drawBars(song, whole);
  drawBand(at("band"), song);
  drawPicture(at("picture"), song, COLUMN_SECONDS);
  drawTicks(at("ticks"), song.duration);
  at("band").dataset.steps = song.steps.length;
  at("band").dataset.total = song.total;
  at("legend").replaceChildren(...song.names.map((name, g) => row(g, name, percent(whole[g]))));
  if (comparison?.step_probs) drawCurves(at("curves"), song.steps, comparison.step_probs, comparison.differ, song.duration);
}

// The number is the band's, and the network's own for the whole song where that is another.
function showHeadline(song, whole) {
  const [[p, g]] = ranked(whole);
  const over = song.ended ? song.over : "so far";
  at("headline").textContent = song.untrained ? "No genre: these weights were never taught any." : `${song.names[g]}, ${percent(p)} ${over}`;
  const own = song.ended && song.curved && song.clip ? ranked(song.clip)[0] : null;
  const other = own && !song.untrained && (own[1] !== g || Math.abs(own[0] - p) > APART);
  at("own").hidden = !other;
  if (other) at("own").textContent = `The network's own answer for the whole song, weighed its own way: ${song.names[own[1]]}, ${percent(own[0])}.`;
}

function drawBars(song, probs) {
  const sum = probs.reduce((a, b) => a + b, 0);
  at("apart").hidden = Math.abs(sum - 1) < 0.01;
  at("bars").replaceChildren(...ranked(probs).slice(0, TAGS).map(([p, g]) => {
    const made = element("li", "");
    const [name, room, bar, share] = [element("span", song.names[g]), element("span", ""), element("span", ""),
      element("span", percent(p))];
    [name.className, room.className, bar.className, share.className] = ["name", "room", "bar", "share"];
    bar.style.width = `${100 * p}%`;
    room.append(bar);
    made.append(name, room, share);
    return made;
  }));
}

// The pie and the words at a time in seconds; `now` names it.
export function showMomentOf(song, probs, time, now) {
  at("head").style.left = `${100 * Math.min(time / song.duration, 1)}%`;
  at("moment").textContent = now;
  const top = probs ? ranked(probs).slice(0, 3).filter(([p], n) => n === 0 || p >= 0.005) : [];
  if (probs) drawPie(at("pie"), probs, song.names);
  at("words").replaceChildren(...(probs ? top.map(([p, g]) => row(g, song.names[g], percent(p))) : [element("li", "not heard yet")]));
  const words = top.map(([p, g]) => `${song.names[g]} ${percent(p)}`).join(", ");
  at("scrubber").setAttribute("aria-valuenow", time.toFixed(1));
  tell(`${clock(time)} of ${clock(song.duration)}: ${words || "not heard yet"}`);
}

export function showComparison(song, comparison) {
  at("compare").hidden = false;
  const found = comparison.step_probs;
  for (const id of ["curves", "curves-key", "curves-title"]) at(id).hidden = !found;
  if (!found) {
    at("verdict").textContent = `Not compared: ${comparison.unavailable}.`;
    return;
  }
  const { differ, max_abs: worst, at_step: step, at_label: label, source } = comparison;
  const who = source === "live" ? "The original, running beside this page," : "The original, as recorded,";
  const noun = song.untrained ? "output" : "genre";
  const genres = differ.length ? `another ${noun} on ${differ.length} of ${found.length} steps`
    : `the same ${noun} on all ${found.length} steps`;
  at("verdict").replaceChildren(`${who} names ${genres}. Largest difference of a probability, `,
    element("span", `|dp| = ${worst.toExponential(1)}`), `, at step ${step + 1} (${song.names[label]}).`);
  at("differ-key").hidden = !differ.length;
}
