// An answer as a file: JSON as the API gave it, CSV with a row for each step, PNG of what is drawn.

import { colour } from "./draw.js";

const MARGIN = 60;

export function save(kind, song, canvases) {
  if (kind === "png") return canvases.at(0) && picture(song, canvases).toBlob((blob) => offer(blob, song, kind));
  const text = kind === "json" ? JSON.stringify(song.answer, null, 1) : table(song);
  return offer(new Blob([text], { type: kind === "json" ? "application/json" : "text/csv" }), song, kind);
}

function offer(blob, song, kind) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `${song.name.replace(/[^\p{L}\p{N}._-]+/gu, "_")}.${kind}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function table(song) {
  const quoted = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const rows = song.steps.length ? song.steps : [song.clip];
  const second = (k) => (song.steps.length ? (((k + 1) * song.duration) / rows.length).toFixed(4) : "");
  const lines = [["second", ...song.labels.map(quoted)], ...rows.map((row, k) => [second(k), ...row])];
  return `${lines.map((line) => line.join(",")).join("\n")}\n`;
}

function picture(song, canvases) {
  const made = document.createElement("canvas");
  made.width = Math.max(...canvases.map((c) => c.width)) + 2 * MARGIN;
  made.height = canvases.reduce((sum, c) => sum + c.height, 0) + 4 * MARGIN;
  const context = made.getContext("2d");
  context.fillStyle = colour("--card");
  context.fillRect(0, 0, made.width, made.height);
  context.fillStyle = colour("--text");
  context.font = `${MARGIN / 3}px sans-serif`;
  context.fillText(`${song.name} · ${song.heardBy}`, MARGIN, MARGIN / 2);
  context.fillText("probability, 0 to 100 %, of each of the list below; loudness by pitch, 0 to 11 kHz; time, m:s", MARGIN, MARGIN);
  let y = 1.3 * MARGIN;
  for (const canvas of canvases) {
    context.drawImage(canvas, MARGIN, y);
    y += canvas.height;
  }
  const wide = (made.width - 2 * MARGIN) / 5;
  song.names.forEach((name, g) => {
    const [x, line] = [MARGIN + (g % 5) * wide, y + MARGIN * (0.7 + 0.6 * Math.floor(g / 5))];
    context.fillStyle = colour(`--genre-${g}`);
    context.fillRect(x, line - 14, 16, 16);
    context.fillStyle = colour("--text");
    context.fillText(name, x + 24, line);
  });
  return made;
}
