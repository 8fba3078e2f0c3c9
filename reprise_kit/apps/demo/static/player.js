// Sound and time: an <audio> element where the browser can play the file, else a silent clock. Times are the song's.

const DEVICE = /AUDIO_RENDERER|CUBEB/i; // in the messages of Chromium and Firefox: the device failed, not the file
const MOST_BYTES = 40_000_000; // of a file that is decoded to find out

async function decodes(file) {
  if (!file || file.size > MOST_BYTES) return false;
  const ear = new OfflineAudioContext(1, 1, 44_100); // needs no device
  return ear.decodeAudioData(await file.arrayBuffer()).then(() => true, () => false);
}

export class Player {
  constructor(audio, onChange) {
    this.audio = audio;
    this.onChange = onChange;
    this.duration = 0;
    this.silent = false;
    this.why = ""; // it is silent
    this.file = null;
    this.silentAt = 0;
    this.silentSince = null;
    for (const name of ["play", "pause", "ended", "seeked"]) audio.addEventListener(name, onChange);
    audio.addEventListener("error", () => this.fail(audio.error?.message ?? ""));
  }

  // The clock goes on without sound, by itself where it played; `why` is said: a file that can be decoded is not to blame.
  async fail(message) {
    if (!this.audio.getAttribute("src")) return;
    [this.silentAt, this.silentSince] = [this.time, this.playing ? performance.now() : null];
    this.silent = true;
    this.onChange();
    const { file } = this;
    const deaf = DEVICE.test(message) || await decodes(file);
    if (file !== this.file) return;
    this.why = deaf ? "No sound can be played here: this computer has no audio device that works."
      : "This browser cannot play this kind of file.";
    this.onChange();
  }

  set volume(share) { this.audio.volume = share; }

  load(file) {
    this.unload();
    this.file = file;
    this.audio.src = URL.createObjectURL(file);
  }

  unload() {
    this.pause();
    if (this.audio.src) URL.revokeObjectURL(this.audio.src);
    this.audio.removeAttribute("src");
    [this.silent, this.why, this.silentAt, this.silentSince, this.duration] = [false, "", 0, null, 0];
  }

  get playing() {
    return this.silent ? this.silentSince !== null : !this.audio.paused && !this.audio.ended;
  }

  // The network may have heard a file longer or shorter than it plays (a quirk of the original's decoder).
  get scale() {
    return this.audio.duration && Number.isFinite(this.audio.duration) ? this.duration / this.audio.duration : 1;
  }

  get time() {
    if (!this.silent) return this.audio.currentTime * this.scale;
    const since = this.silentSince === null ? 0 : (performance.now() - this.silentSince) / 1000;
    const now = Math.min(this.silentAt + since, this.duration);
    if (now >= this.duration && this.silentSince !== null) [this.silentAt, this.silentSince] = [now, null];
    return now;
  }

  seek(seconds) {
    const to = Math.min(Math.max(seconds, 0), this.duration);
    if (this.silent) {
      this.silentAt = to;
      if (this.silentSince !== null) this.silentSince = performance.now();
    } else {
      this.audio.currentTime = to / this.scale;
    }
    this.onChange();
  }

  toggle() {
    if (this.playing) return this.pause();
    if (!this.silent) return this.audio.play().catch((error) => error.name === "NotSupportedError" && this.fail(error.message));
    if (this.time >= this.duration) this.silentAt = 0;
    this.silentSince = performance.now();
    return this.onChange();
  }

  pause() {
    this.audio.pause();
    if (this.silentSince === null) return;
    this.silentAt = this.time;
    this.silentSince = null;
    this.onChange();
  }
}
