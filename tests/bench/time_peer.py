# ruff: noqa
"""Python 3.7 and later: another library hears clips named on standard input; each answer: CPU and wall seconds."""

import json
import os
import resource
import sys
import time

answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)


def musicnn():
    """Decode, resample, log-mel and network, loaded anew for each clip as its `extractor` does: 50 tags every 3 s."""
    from musicnn.extractor import extractor

    return lambda clip: extractor(clip, model="MTT_musicnn", extract_features=False)


def essentia():
    """Decode, resample and 128 mel bands of frames like the port's: its sound features, no network."""
    from essentia import standard

    window, spectrum = standard.Windowing(type="hann", size=2048), standard.Spectrum(size=2048)
    bands = standard.MelBands(inputSize=1025, numberBands=128, sampleRate=22050, highFrequencyBound=11025)

    def hear(clip):
        samples = standard.MonoLoader(filename=clip, sampleRate=22050)()
        frames = standard.FrameGenerator(samples, frameSize=2048, hopSize=1024)
        return [bands(spectrum(window(frame))) for frame in frames]

    return hear


def cpu():
    """Seconds of this process and of those it started."""
    return sum(
        r.ru_utime + r.ru_stime for r in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


hear = {"musicnn": musicnn, "essentia": essentia}[sys.argv[1]]()
print(json.dumps({"ready": True}), file=answers)
answers.flush()
for line in iter(sys.stdin.readline, ""):
    began = cpu(), time.time()
    hear(line.strip())
    print(json.dumps([cpu() - began[0], time.time() - began[1]]), file=answers)
    answers.flush()
