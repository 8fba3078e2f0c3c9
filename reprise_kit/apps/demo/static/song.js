// What is known of a song by now: steps, their times, the picture. A step is one answer of the network.

export const FIRST_STEP = 4.5; // steps that the first one takes: 36 frames, of which each further step needs 8
export const ROWS = 32; // of the picture
const COLOURS = 10; // of the style sheet: more labels than that are only listed

export class Song {
  // untrained: its weights know nothing, so that the names of its labels would be no finding.
  constructor(name, system, heardBy, untrained) {
    [this.name, this.system, this.heardBy, this.untrained] = [name, system, heardBy, untrained];
    this.labels = [];
    this.answer = null; // as the server gave it
    this.stepSeconds = null; // null: nothing is known before the whole song is
    this.steps = [];
    this.clip = null; // the answer on the whole song
    this.columns = []; // Uint8Array(ROWS) each, low frequencies first
    this.expected = 0; // seconds, an estimate until the end
    this.mode = "live";
    this.notes = [];
    this.taken = "";
  }

  begin({ labels, step_seconds: stepSeconds, expected_seconds: expected = 0 }) {
    [this.labels, this.stepSeconds, this.expected] = [labels, stepSeconds, expected];
  }

  // What the labels are called on the page.
  get names() { return this.untrained ? this.labels.map((_, g) => `output ${g + 1}`) : this.labels; }

  get known() { return this.steps.length > 0 || this.clip !== null; }

  // Whether it is shown as curves over time.
  get curved() { return this.steps.length > 0 && this.labels.length <= COLOURS; }

  // What an answer is on: `taken` of a network that answers once.
  get over() { return this.curved ? "on the mean of all moments" : this.taken; }

  get ended() {
    return this.mode !== "live" || this.complete === true;
  }

  // Seconds, at least as long as the steps known by now.
  get duration() {
    if (this.ended) return this.expected;
    return Math.max(this.expected, (this.steps.length + FIRST_STEP - 1) * this.stepSeconds, 0.001);
  }

  // Steps that the whole song will have; the original spreads them evenly over the song.
  get total() {
    if (this.ended) return this.steps.length;
    return Math.max(this.steps.length, Math.floor(this.duration / this.stepSeconds - FIRST_STEP) + 1, 1);
  }

  addSteps(content) {
    content.step_probs.forEach((probs, k) => { this.steps[content.first + k] = probs; });
    const bytes = Uint8Array.from(atob(content.picture), (c) => c.charCodeAt(0));
    for (let at = 0; at < bytes.length; at += ROWS) this.columns.push(bytes.subarray(at, at + ROWS));
  }

  finish(result) {
    this.answer = result;
    this.steps = result.step_probs ?? [];
    this.clip = result.clip_probs;
    this.expected = result.duration;
    this.mode = result.mode;
    this.complete = true;
    this.notes = result.notes;
  }

  // Probabilities at a time in seconds, null where they are not known yet.
  at(seconds) {
    if (!this.steps.length) return null;
    const k = Math.min(Math.floor((seconds / this.duration) * this.total), this.total - 1);
    return this.steps[Math.max(k, 0)] ?? null;
  }

  // The mean over the steps known by now, which is what the band shows; where there are none the answer on the whole.
  whole() {
    if (!this.steps.length) return this.clip;
    const sum = this.labels.map(() => 0);
    for (const probs of this.steps) probs.forEach((p, g) => { sum[g] += p; });
    return sum.map((s) => s / Math.max(this.steps.length, 1));
  }
}

export function ranked(probs) {
  return probs.map((p, g) => [p, g]).sort((a, b) => b[0] - a[0]);
}

export function percent(p) {
  if (p > 0 && p < 0.01) return "<1 %";
  return `${Math.round(100 * p)} %`;
}

export function clock(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  const hours = Math.floor(s / 3600);
  const minutes = Math.floor((s % 3600) / 60);
  const rest = String(s % 60).padStart(2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}
