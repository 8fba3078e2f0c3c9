"""Record what an old Keras model computes, for `reprise migrate --verify`. One folder, run beside the old Keras.

    python record --architecture model.json --weights weights.h5 --out golden.npz
    python record --weights whole_model.h5 --layers --out golden.npz
    python record --from-code models:build --weights weights.h5 --out golden.npz

Keras 0.3 to 2.3, or tf.keras of TensorFlow 1.x with --tf-keras; Theano, TensorFlow or CNTK; Python 2.7 and 3.5 to
3.7; needs nothing else. It runs the model's own code, Lambdas too: only record files that you trust. Arithmetic is
Keras's own throughout. No keras.json is followed: backend and image ordering are chosen here, and said.

golden.npz, without pickles:
    in_0, in_1, ...    inputs in the model's order, (samples, ...): of --inputs, or drawn at several scales, one
                       after the other along the samples: N(0,1), 0..1, 0..255; whole numbers where an Embedding
                       reads; padded steps where a Masking or a mask_zero looks for them; half zeros where a sparse
                       matrix is taken, whole here. An input that has its value (Input(tensor=...)) is none
    out_0, out_1, ...  outputs in the model's order
    layer_NAME         with --layers: the output of a layer that is called once and gives one tensor
    node_K_J_NAME      with --layers: output J of call K of any other layer
    provenance         JSON: versions, backend, seed, which samples are of which scale, dead layers, and for each
                       layer where each call took its inputs from
Samples of several scales share one batch only where that is seen to change nothing. Where samples depend on each
other (a fixed batch size, batch statistics, states) the one scale is kept that leaves the fewest layers dead.
"""

import sys

sys.dont_write_bytecode = True  # none among the parts that were copied

from reprise_record.command import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main(__doc__))
