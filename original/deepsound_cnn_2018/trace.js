'use strict';
// Traces the untouched original in Node: what left every stage on the way to its answer.
//
// It runs upstream's own resampler.js, audio-utils.js and worker.js in the surroundings of a web worker, upstream's
// model in TensorFlow.js, and main.js's own specToInputTensor and smooth, cut out of the file because the rest of it is
// the page. Only the browser's decoder is replaced: ffmpeg, to 16 bits at the file's own rate, the first channel.
//
//     node trace.js --upstream DIR --weights MODEL.JSON --clip FILE --out DIR
//     node trace.js --upstream DIR --weights MODEL.JSON    < requests
//
// Each request is a line {"clip": FILE, "out": DIR}, each answer a line {"ok": true} or {"error": "one line"}. Each DIR
// gets trace.npz (one array per stage, no batch axis) and trace.json. NODE_PATH names the packages of the lock.

const { execFileSync } = require('child_process');
const crypto = require('crypto');
const fs = require('fs');
const path = require('path');
const readline = require('readline');
const vm = require('vm');
const fflate = require('fflate');
const tf = require('@tensorflow/tfjs');

const SYSTEM = 'deepsound_cnn_2018';
const LAYERS = ['activation', 'activation_1', 'activation_2', 'output_realtime'];
const STAGES = { output_realtime: 'step_probs' };

class Refused extends Error {}

function sha256(...buffers) {
  const hash = crypto.createHash('sha256');
  buffers.forEach((buffer) => hash.update(buffer));
  return hash.digest('hex');
}

function openWorker(scripts) {
  const tap = {};
  const context = vm.createContext({ console, setTimeout, clearTimeout, performance, tap });
  const run = (name) => vm.runInContext(fs.readFileSync(path.join(scripts, name), 'utf8'), context, { filename: name });
  vm.runInContext('var self = this;', context);
  context.importScripts = (...names) => names.forEach(run);
  context.postMessage = (message) => { tap.posted = message; };
  run('worker.js');
  // worker.js calls its function by its global name, so that a stand-in sees what the resampler gave.
  vm.runInContext(
    'var reached = logMelSpectrogram; logMelSpectrogram = (wav) => { tap.samples = wav.slice(); return reached(wav); };',
    context,
  );
  return async (audio, rate) => {
    await context.onmessage({ data: [audio, rate] });
    return { samples: tap.samples, spectrogram: tap.posted };
  };
}

function cutOut(source, name) {
  const found = source.match(new RegExp(`^function ${name}\\([\\s\\S]*?^}`, 'm'));
  if (!found) throw new Refused(`main.js has no function ${name}`);
  return found[0];
}

async function openModel(file) {
  const document = JSON.parse(fs.readFileSync(file));
  const names = document.weightsManifest.flatMap((group) => group.paths);
  const content = Buffer.concat(names.map((name) => fs.readFileSync(path.join(path.dirname(file), name))));
  const weightData = content.buffer.slice(content.byteOffset, content.byteOffset + content.length);
  const weightSpecs = document.weightsManifest.flatMap((group) => group.weights);
  const handler = { load: async () => ({ modelTopology: document.modelTopology, weightSpecs, weightData }) };
  const model = await tf.loadModel(handler);
  const outputs = LAYERS.map((name) => model.getLayer(name).output);
  const hash = sha256(fs.readFileSync(file), ...names.map((name) => fs.readFileSync(path.join(path.dirname(file), name))));
  return { model, tapped: tf.model({ inputs: model.inputs, outputs }), hash };
}

async function openOriginal(upstream, weights) {
  const scripts = path.join(upstream, 'static', 'js');
  const page = fs.readFileSync(path.join(scripts, 'main.js'), 'utf8');
  const own = new Function('tf', `${cutOut(page, 'specToInputTensor')}\n${cutOut(page, 'smooth')}
    return { specToInputTensor, smooth };`)(tf);
  return { ...own, ...(await openModel(weights)), preprocess: openWorker(scripts), weights };
}

function decode(clip) {
  const ask = (program, ...words) => execFileSync(program, words, { maxBuffer: 1 << 30, stdio: ['ignore', 'pipe', 'pipe'] });
  let about, content;
  try {
    about = JSON.parse(ask('ffprobe', '-v', 'error', '-select_streams', 'a:0', '-show_streams', '-of', 'json', clip));
    content = ask('ffmpeg', '-v', 'error', '-nostdin', '-i', clip, '-map', '0:a:0', '-f', 's16le', '-');
  } catch (error) {
    throw new Refused(`${path.basename(clip)}: ffmpeg cannot decode it (${String(error.message).split('\n')[1] || error.message})`);
  }
  const stream = about.streams[0];
  const frames = Math.floor(content.length / 2 / stream.channels);
  const native = new Float32Array(frames);
  for (let i = 0; i < frames; ++i) native[i] = content.readInt16LE(2 * i * stream.channels) / 32768;
  return { native, rate: Number(stream.sample_rate), codec: stream.codec_name };
}

async function trace(original, clip) {
  const { native, rate, codec } = decode(clip);
  const { samples, spectrogram } = await original.preprocess(native.slice(), rate);
  if (!spectrogram.length) throw new Refused(`${path.basename(clip)}: too short for one window`);
  const width = spectrogram[0].length;
  const logMel = new Float32Array(spectrogram.length * width);
  spectrogram.forEach((row, i) => logMel.set(row, i * width));
  const arrays = {
    native: [native, [native.length]],
    samples: [Float32Array.from(samples), [samples.length]],
    log_mel: [logMel, [spectrogram.length, width]],
  };
  const input = original.specToInputTensor(spectrogram);
  const answer = await original.model.predict(input).data();
  const outputs = original.tapped.predict(input);
  for (let i = 0; i < LAYERS.length; ++i) {
    arrays[STAGES[LAYERS[i]] || LAYERS[i]] = [await outputs[i].data(), outputs[i].shape.slice(1)];
  }
  const [steps, shape] = arrays.step_probs;
  if (Buffer.compare(Buffer.from(steps.buffer), Buffer.from(answer.buffer))) throw new Error('taps changed the answer');
  arrays.smoothed = [original.smooth(answer), shape];
  return { arrays, scalars: { native_rate: rate, duration: native.length / rate }, codec };
}

// A .npy file of version 1.0: magic, header padded to 64 bytes, little-endian float32.
function npy(values, shape) {
  const list = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${list}), }`;
  const header = text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11) + '\n';
  const start = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length & 255, header.length >> 8]);
  return Buffer.concat([start, Buffer.from(header), Buffer.from(values.buffer, values.byteOffset, values.byteLength)]);
}

function write(folder, arrays, about) {
  fs.mkdirSync(folder, { recursive: true });
  const files = Object.entries(arrays).map(([name, [values, shape]]) => [`${name}.npy`, new Uint8Array(npy(values, shape))]);
  const parts = { npz: Buffer.from(fflate.zipSync(Object.fromEntries(files), { level: 1 })), json: JSON.stringify(about, null, 1) };
  for (const [kind, content] of Object.entries(parts)) fs.writeFileSync(path.join(folder, `part.${kind}`), content);
  for (const kind of Object.keys(parts)) fs.renameSync(path.join(folder, `part.${kind}`), path.join(folder, `trace.${kind}`));
}

async function traceOne(original, clip, out) {
  if (!fs.existsSync(clip)) throw new Refused(`${clip}: no such file`);
  const { arrays, scalars, codec } = await trace(original, clip);
  const ffmpeg = execFileSync('ffmpeg', ['-version']).toString().split(' ')[2];
  write(out, arrays, {
    system: SYSTEM,
    clip: { name: path.basename(clip), sha256: sha256(fs.readFileSync(clip)) },
    scalars,
    provenance: {
      side: 'original', backend: 'tensorflow', decoder: `ffmpeg ${ffmpeg}`, codec, node: process.version,
      packages: tf.version, weights_sha256: original.hash, floatx: 'float32', resampler: 'resampler.js',
    },
  });
}

const oneLine = (error) => String(error.message || error).split(/\s+/).join(' ').slice(0, 300);
const say = (answer) => process.stdout.write(JSON.stringify(answer) + '\n');

async function main(words) {
  const options = {};
  for (let i = 0; i < words.length; i += 2) options[words[i].replace(/^--/, '')] = words[i + 1];
  console.log = console.warn = console.error; // standard output is for the answers
  const original = await openOriginal(options.upstream, options.weights);
  if (options.clip) return traceOne(original, options.clip, options.out);
  say({ ok: true });
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const request = JSON.parse(line);
    await traceOne(original, request.clip, request.out).then(() => say({ ok: true }), (error) => say({ error: oneLine(error) }));
  }
}

main(process.argv.slice(2)).catch((error) => {
  say({ error: oneLine(error) });
  console.error(`trace.js: ${oneLine(error)}`);
  process.exitCode = 2;
});
