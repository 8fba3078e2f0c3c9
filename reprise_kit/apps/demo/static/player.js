// Sound and time: an <audio> element where the browser can play the file, else a silent clock. Times are the song's.

export class Player {
  constructor(audio, onChange) {
    this.audio = audio;
    this.onChange = onChange;
    this.duration = 0;
    this.silent = false;
    this.silentAt = 0;
    this.silentSince = null;
    for (const name of ["play", "pause", "ended", "seeked"]) audio.addEventListener(name, onChange);
    audio.addEventListener("error", () => this.fail(audio.error?.message ?? ""));
  }

  // The clock goes on without sound; `why` is said.
  async fail(message) {
    this.silent = Boolean(this.audio.getAttribute("src"));
    const outputs = await navigator.mediaDevices?.enumerateDevices?.().catch(() => []) ?? [];
    // Before a page was given the microphone, devices are listed without names, but they are listed.
    const deaf = /AUDIO_RENDERER/.test(message) || (outputs.length && !outputs.some((d) => d.kind === "audiooutput"));
    this.why = deaf ? "No sound can be played here: this computer has no audio device that works."
      : "This browser cannot play this kind of file.";
    this.onChange();
  }

  set volume(share) { this.audio.volume = share; }

  load(file) {
    this.unload();
    this.audio.src = URL.createObjectURL(file);
  }

  unload() {
    this.pause();
    if (this.audio.src) URL.revokeObjectURL(this.audio.src);
    this.audio.removeAttribute("src");
    [this.silent, this.silentAt, this.silentSince, this.duration] = [false, 0, null, 0];
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
