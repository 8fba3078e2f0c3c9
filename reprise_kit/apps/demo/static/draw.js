// Canvas and SVG: the stacked band, the spectrogram under it, the pie, the two curves. No state of their own.

import { ROWS, clock } from "./song.js";

const style = () => getComputedStyle(document.documentElement);
export const colour = (name) => style().getPropertyValue(name).trim();
const labelColours = (labels) => labels.map((_, g) => colour(`--genre-${g}`));

// Size a canvas to its box in device pixels; returns its context, drawn in CSS pixels.
function prepared(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const { width, height } = canvas.getBoundingClientRect();
  canvas.width = Math.max(1, Math.round(width * ratio));
  canvas.height = Math.max(1, Math.round(height * ratio));
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  return [context, width, height];
}

export function drawBand(canvas, song) {
  const [context, width, height] = prepared(canvas);
  const colours = labelColours(song.labels);
  const gap = colour("--card");
  const { steps, total } = song;
  for (let x = 0; x < width; x++) {
    const probs = meanOf(steps, (x / width) * total, ((x + 1) / width) * total);
    if (!probs) break;
    let y = 0;
    probs.forEach((p, g) => {
      const size = p * height;
      context.fillStyle = colours[g];
      context.fillRect(x, y, 1.5, size + 0.5);
      y += size;
      if (size > 3 && y < height - 1) {
        context.fillStyle = gap;
        context.fillRect(x, y - 1, 1.5, 1);
      }
    });
  }
  nameRuns(context, song, width, height, colours);
}

// Mean of the steps from `from` to `to`, null where they are not all known.
function meanOf(steps, from, to) {
  const first = Math.floor(from);
  const last = Math.max(first + 1, Math.floor(to));
  if (!steps[first]) return null;
  if (last === first + 1) return steps[first];
  const known = steps.slice(first, last);
  return known[0].map((_, g) => known.reduce((sum, probs) => sum + probs[g], 0) / known.length);
}

// Write a genre's name into its longest run as the strongest, so that nobody needs the colours.
function nameRuns(context, song, width, height, colours) {
  const longest = new Map();
  let start = 0;
  const strongest = song.steps.map((probs) => probs.indexOf(Math.max(...probs)));
  for (let k = 1; k <= strongest.length; k++) {
    if (strongest[k] === strongest[start]) continue;
    const run = longest.get(strongest[start]);
    if (!run || k - start > run[1] - run[0]) longest.set(strongest[start], [start, k]);
    start = k;
  }
  context.font = "600 13px system-ui, 'DejaVu Sans', sans-serif";
  context.textAlign = "center";
  context.textBaseline = "middle";
  for (const [g, [from, to]] of longest) {
    const middle = song.steps[Math.floor((from + to - 1) / 2)];
    const above = middle.slice(0, g).reduce((sum, p) => sum + p, 0);
    const size = middle[g] * height;
    const room = ((to - from) / song.total) * width;
    if (context.measureText(song.names[g]).width + 14 > room || size < 20) continue;
    context.fillStyle = bright(colours[g]) ? "#15141a" : "#ffffff";
    context.fillText(song.names[g], ((from + to) / 2 / song.total) * width, (above + middle[g] / 2) * height);
  }
}

function bright(hex) {
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  return 0.299 * r + 0.587 * g + 0.114 * b > 130;
}

// The picture's columns cover as much of the width as their share of the song.
export function drawPicture(canvas, song, columnSeconds) {
  const [context, width, height] = prepared(canvas);
  const n = song.columns.length;
  if (!n) return;
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(colour("--text").slice(at, at + 2), 16));
  const image = new ImageData(Math.min(n, 4096), ROWS);
  for (let x = 0; x < image.width; x++) {
    const column = song.columns[Math.floor((x * n) / image.width)];
    for (let y = 0; y < ROWS; y++) image.data.set([r, g, b, column[ROWS - 1 - y]], 4 * (y * image.width + x));
  }
  const small = document.createElement("canvas");
  [small.width, small.height] = [image.width, ROWS];
  small.getContext("2d").putImageData(image, 0, 0);
  const share = song.ended ? 1 : Math.min(1, (n * columnSeconds) / song.duration);
  context.drawImage(small, 0, 0, width * share, height);
}

const NICE = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800]; // seconds between two ticks
const TICK_PIXELS = 64; // at least

// Ticks of a time axis: [x, second] for a width in CSS pixels.
function ticks(duration, width) {
  const apart = NICE.find((seconds) => (seconds / duration) * width >= TICK_PIXELS) ?? 3600;
  return Array.from({ length: Math.floor(duration / apart) + 1 }, (_, n) => [(n * apart * width) / duration, n * apart]);
}

export function drawTicks(canvas, duration) {
  const [context, width] = prepared(canvas);
  timeAxis(context, 0, width, 0, duration);
}

function timeAxis(context, left, width, y, duration) {
  context.fillStyle = context.strokeStyle = colour("--soft");
  context.font = "12px system-ui, 'DejaVu Sans', sans-serif";
  context.textBaseline = "top";
  for (const [x, second] of ticks(duration, width)) {
    context.fillRect(left + Math.min(x, width - 1), y, 1, 5);
    const text = clock(second);
    const room = context.measureText(text).width / 2;
    context.textAlign = "center";
    context.fillText(text, left + Math.min(Math.max(x, room), width - room), y + 7);
  }
}

export function drawPie(svg, probs, labels) {
  const colours = labelColours(labels);
  svg.replaceChildren();
  let angle = -Math.PI / 2;
  probs.forEach((p, g) => {
    if (p < 0.002) return;
    const whole = p > 0.998;
    const slice = document.createElementNS("http://www.w3.org/2000/svg", whole ? "circle" : "path");
    const end = angle + 2 * Math.PI * p;
    if (whole) slice.setAttribute("r", 1);
    else slice.setAttribute("d", `M0 0L${Math.cos(angle)} ${Math.sin(angle)}A1 1 0 ${p > 0.5 ? 1 : 0} 1 ${
      Math.cos(end)} ${Math.sin(end)}Z`);
    slice.setAttribute("fill", colours[g]);
    slice.dataset.genre = labels[g];
    svg.append(slice);
    angle = end;
  });
}

export function drawCurves(canvas, port, original, differ, duration) {
  const [context, width, height] = prepared(canvas);
  const colours = labelColours(port[0]);
  const [top, bottom, left] = [8, height - 40, 46];
  const x = (k) => left + ((k + 0.5) / port.length) * (width - left - 4);
  const y = (p) => bottom - p * (bottom - top);
  context.strokeStyle = colour("--line");
  context.font = "12px system-ui, 'DejaVu Sans', sans-serif";
  for (const p of [0, 0.5, 1]) {
    context.beginPath();
    context.moveTo(left, y(p));
    context.lineTo(width, y(p));
    context.stroke();
    context.fillStyle = colour("--soft");
    context.textAlign = "right";
    context.textBaseline = "middle";
    context.fillText(`${100 * p} %`, left - 6, y(p));
  }
  timeAxis(context, left, width - left - 4, bottom + 16, duration);
  const lines = (steps, lineWidth, alpha) => port[0].forEach((_, g) => {
    context.globalAlpha = alpha;
    context.lineWidth = lineWidth;
    context.strokeStyle = colours[g];
    context.beginPath();
    steps.forEach((probs, k) => context.lineTo(x(k), y(probs[g])));
    if (steps.length === 1) context.lineTo(x(0) + 1, y(steps[0][g]));
    context.stroke();
  });
  context.lineJoin = context.lineCap = "round";
  lines(original, 7, 0.45);
  lines(port, 2, 1);
  context.fillStyle = colour("--problem");
  context.textAlign = "center";
  context.font = "11px sans-serif";
  for (const k of differ) context.fillText("▲", x(k), bottom + 8);
}
