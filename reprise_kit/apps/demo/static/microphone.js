// The microphone to the server in short pieces, one request at a time, and the steps back.

import { FIRST_STEP } from "./song.js";

const PIECE_SECONDS = 0.25;
const LONGEST_SECONDS = 4; // sent at once after a pause of the network

export class Microphone {
  // onSteps(content, delaySeconds): delay from the last sound a step has heard to now.
  constructor(onSteps, onProblem) {
    [this.onSteps, this.onProblem] = [onSteps, onProblem];
    this.blocks = [];
    this.waiting = 0;
    this.sent = 0;
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
    return opened;
  }

  hear(block, rate) {
    this.blocks.push(block);
    this.waiting += block.length;
    this.heard = performance.now(); // when the newest sample arrived
    if (!this.busy && this.waiting >= PIECE_SECONDS * rate) this.send(rate);
  }

  async send(rate) {
    this.busy = true;
    const samples = new Float32Array(this.waiting);
    let at = 0;
    for (const block of this.blocks) { samples.set(block, at); at += block.length; }
    [this.blocks, this.waiting] = [[], 0];
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

  stop() {
    const url = this.url;
    this.url = null;
    this.stream?.getTracks().forEach((track) => track.stop());
    this.context?.close();
    if (url) fetch(url, { method: "DELETE", keepalive: true }).catch(() => {});
  }
}
