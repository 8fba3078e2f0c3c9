// On the sound thread: every block of the microphone, mixed down to mono, goes to the page.

class Ear extends AudioWorkletProcessor {
  process([channels]) {
    if (!channels.length) return true;
    const mono = new Float32Array(channels[0].length);
    for (const channel of channels) channel.forEach((value, n) => { mono[n] += value / channels.length; });
    this.port.postMessage(mono, [mono.buffer]);
    return true;
  }
}

registerProcessor("ear", Ear);
