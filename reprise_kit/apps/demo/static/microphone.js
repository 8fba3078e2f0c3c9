// The microphone to the server in short pieces, one request at a time, and the steps back.

import { FIRST_STEP } from "./song.js";

const PIECE_SECONDS = 0.25;
const MOST_SECONDS = 600; // of sound that are kept
const LONGEST_SECONDS = 4; // sent at once after a pause of the network
// What a browser's refusal means to a person: each browser says it in its own words, none what to do.
const REFUSALS = {
  NotFoundError: "the browser finds none on this computer; plug one in, or choose a song",
  NotAllowedError: "the browser may not use it; allow it where the page's address stands, then try again",
  NotReadableError: "another program has it, or it does not work; close that program, or choose a song",
};
const DEAF_SECONDS = 5; // without a single sample: a browser's audio does not run without a device to play to

export const refusal = (error) => REFUSALS[error.name] ?? error.message;

export class Microphone {
  // onSteps(content, delaySeconds): delay from the last sound a step has heard to now.
  constructor(onSteps, onProblem) {
    [this.onSteps, this.onProblem] = [onSteps, onProblem];
    this.blocks = [];
    this.kept = []; // what was heard, to be played afterwards
    this.waiting = 0;
    this.sent = 0;
    this.sending = Promise.resolve();
  }

  // Returns what the network says of itself: labels and step_seconds.
  async start(system) {
    const wanted = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    this.stream = await navigator.mediaDevices.getUserMedia({ audio: wanted });
    this.context = new AudioContext();
    await this.context.audioWorklet.addModule("/static/worklet.js");
    const rate = this.context.sampleRate;
    const answer = await fetch(`/api/v1/live?rate=${rate}&system=${encodeURIComponent(system)}`, { method: "POST" });
    const opened = await answer.json();
    if (!answer.ok) throw new Error(opened.error);
    this.url = `/api/v1/live/${opened.id}`;
    this.stepSeconds = opened.step_seconds;
    this.ear = new AudioWorkletNode(this.context, "ear", { numberOfOutputs: 0 });
    this.ear.port.onmessage = ({ data }) => this.hear(data, rate);
    this.context.createMediaStreamSource(this.stream).connect(this.ear);
    setTimeout(() => {
      if (this.url && !this.heard) this.onProblem("no sound comes from the microphone: this computer has no audio device that works");
    }, DEAF_SECONDS * 1000);
    return opened;
  }

  hear(block, rate) {
    if (!this.url) return; // stopped while this block was on its way
    this.blocks.push(block);
    this.waiting += block.length;
    this.heard = performance.now(); // when the newest sample arrived
    if (!this.busy && this.waiting >= PIECE_SECONDS * rate) this.sending = this.send(rate);
  }

  async send(rate) {
    this.busy = true;
    const samples = new Float32Array(this.waiting);
    let at = 0;
    for (const block of this.blocks) { samples.set(block, at); at += block.length; }
    [this.blocks, this.waiting] = [[], 0];
    if (this.kept.length < MOST_SECONDS / PIECE_SECONDS) this.kept.push(samples);
    const piece = samples.slice(-LONGEST_SECONDS * rate);
    this.sent += piece.length;
    const [sentSeconds, sentAt] = [this.sent / rate, this.heard];
    try {
      const answer = await fetch(this.url, { method: "POST", body: piece });
      const content = await answer.json();
      if (!answer.ok) throw new Error(content.error);
      const last = content.first + content.step_probs.length - 1;
      const heardUpTo = (last + FIRST_STEP) * this.stepSeconds;
      const delay = sentSeconds - heardUpTo + (performance.now() - sentAt) / 1000;
      if (this.url) this.onSteps(content, content.step_probs.length ? delay : null);
    } catch (error) {
      if (this.url) this.onProblem(error.message);
    }
    this.busy = false;
  }

  // What was heard as a wav file of 16 bits; null where nothing was.
  recording() {
    const n = this.kept.reduce((sum, samples) => sum + samples.length, 0);
    if (!n) return null;
    const data = new DataView(new ArrayBuffer(44 + 2 * n));
    const text = (at, letters) => [...letters].forEach((c, k) => data.setUint8(at + k, c.charCodeAt(0)));
    const rate = this.context.sampleRate;
    text(0, "RIFF    WAVEfmt ");
    text(36, "data");
    for (const [at, value] of [[4, 36 + 2 * n], [16, 16], [24, rate], [28, 2 * rate], [40, 2 * n]]) data.setUint32(at, value, true);
    for (const [at, value] of [[20, 1], [22, 1], [32, 2], [34, 16]]) data.setUint16(at, value, true);
    let at = 44;
    for (const samples of this.kept) for (const x of samples) {
      data.setInt16(at, Math.round(32767 * Math.min(1, Math.max(-1, x))), true);
      at += 2;
    }
    return new File([data], "recording.wav", { type: "audio/wav" });
  }

  stop() {
    const url = this.url;
    this.url = null;
    this.stream?.getTracks().forEach((track) => track.stop());
    this.context?.close();
    if (url) this.sending.then(() => fetch(url, { method: "DELETE", keepalive: true })).catch(() => {});
  }
}
