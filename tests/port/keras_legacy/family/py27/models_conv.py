"""Python 2.7: every convolving, pooling, padding and cropping layer of Keras 1, in each ordering and border mode."""

from models_core import L, add, one, sequence


def place(ordering, channels, *sizes):
    return (channels,) + sizes if ordering == "th" else sizes + (channels,)


for _border in ("valid", "same"):
    for _length, _stride in ((3, 1), (4, 1), (2, 1), (3, 2), (4, 2), (5, 3)):
        add("conv1d_%s_%d_s%d" % (_border, _length, _stride), one, "Convolution1D", (11, 3), 4, _length,
            border_mode=_border, subsample_length=_stride, activation="tanh")
    add("atrous1d_%s" % _border, one, "AtrousConvolution1D", (13, 3), 4, 3, atrous_rate=2, border_mode=_border)
    add("atrous1d_%s_even" % _border, one, "AtrousConvolution1D", (13, 3), 4, 2, atrous_rate=3, border_mode=_border)
add("conv1d_full", one, "Convolution1D", (8, 3), 4, 3, border_mode="full")
add("conv1d_nobias", lambda: sequence(
    L("Convolution1D", 4, 3, bias=False, input_shape=(9, 2)), L("Flatten"), L("Dense", 2)))
add("conv1d_trained", lambda: trained(sequence(
    L("Convolution1D", 4, 3, input_shape=(9, 2), activation="relu"), L("Flatten"), L("Dense", 2)), "rmsprop"))
add("local1d", one, "LocallyConnected1D", (9, 3), 4, 3, activation="tanh")
add("local1d_stride", one, "LocallyConnected1D", (9, 3), 4, 3, subsample_length=2, bias=False)
for _border in ("valid", "same"):
    for _kind in ("Max", "Average"):
        for _size, _stride in ((2, None), (3, 2), (4, 1), (2, 3)):
            add("%spool1d_%s_%d_s%s" % (_kind.lower(), _border, _size, _stride), one, _kind + "Pooling1D", (11, 3),
                pool_length=_size, stride=_stride, border_mode=_border)
add("global_max_1d", one, "GlobalMaxPooling1D", (5, 3))
add("global_average_1d", one, "GlobalAveragePooling1D", (5, 3))
add("upsample1d", one, "UpSampling1D", (5, 3), length=3)
add("zeropad1d", lambda: sequence(L("ZeroPadding1D", 2, input_shape=(5, 3)), L("Convolution1D", 2, 3)))
add("zeropad1d_uneven", one, "ZeroPadding1D", (5, 3), padding=(1, 3))
add("crop1d", one, "Cropping1D", (8, 3), cropping=(1, 2))


def trained(net, optimizer):
    net.trained_with = optimizer
    return net


def flat_net(o, border):
    """Convolution, pooling, Flatten and Dense: the rows of the Dense follow the ordering."""
    return sequence(
        L("Convolution2D", 3, 3, 3, border_mode=border, dim_ordering=o, activation="relu",
          input_shape=place(o, 2, 8, 9)),
        L("MaxPooling2D", (2, 2), dim_ordering=o), L("Flatten"), L("Dense", 4, activation="tanh"), L("Dense", 2))


def normalised_net(o):
    axis = 1 if o == "th" else -1
    return sequence(
        L("Convolution2D", 3, 3, 3, dim_ordering=o, input_shape=place(o, 2, 8, 9)),
        L("BatchNormalization", axis=axis), L("Activation", "relu"),
        L("Convolution2D", 4, 2, 2, dim_ordering=o, border_mode="same"),
        L("BatchNormalization", axis=axis, epsilon=1e-4), L("PReLU"),
        L("ZeroPadding2D", (1, 2), dim_ordering=o), L("AveragePooling2D", (2, 2), dim_ordering=o),
        L("Flatten"), L("Dense", 3))


def deconvolution(o, border, stride, kernel, batch=4):
    rows, columns = 5, 4
    if border == "valid":
        sizes = ((rows - 1) * stride + kernel[0], (columns - 1) * stride + kernel[1])
    else:
        sizes = (rows * stride, columns * stride)
    return sequence(L(
        "Deconvolution2D", 3, kernel[0], kernel[1], output_shape=(batch,) + place(o, 3, *sizes), border_mode=border,
        subsample=(stride, stride), dim_ordering=o, input_shape=place(o, 2, rows, columns)))


def planes(o):
    image = place(o, 2, 9, 8)
    for border in ("valid", "same"):
        for kernel, stride in (
                ((3, 3), (1, 1)), ((4, 2), (1, 1)), ((2, 5), (2, 2)), ((3, 3), (2, 3)), ((4, 4), (2, 1))):
            tag = "%s_%s_%dx%d_s%d%d" % (o, border, kernel[0], kernel[1], stride[0], stride[1])
            add("conv2d_" + tag, one, "Convolution2D", image, 3, *kernel, border_mode=border, subsample=stride,
                dim_ordering=o, activation="tanh")
        add("conv2d_flat_%s_%s" % (o, border), flat_net, o, border)
        for rate in ((2, 2), (1, 3)):
            add("atrous2d_%s_%s_%d%d" % (o, border, rate[0], rate[1]), one, "AtrousConvolution2D", image, 3, 3, 2,
                atrous_rate=rate, border_mode=border, dim_ordering=o)
        for stride, kernel, depth in ((1, (3, 3), 1), (2, (3, 3), 2), (1, (2, 4), 2)):
            add("separable2d_%s_%s_%dx%d_s%d" % (o, border, kernel[0], kernel[1], stride), one,
                "SeparableConvolution2D", image, 5, *kernel, border_mode=border, subsample=(stride, stride),
                depth_multiplier=depth, dim_ordering=o)
        for stride, kernel in ((1, (3, 3)), (2, (3, 3)), (2, (2, 2)), (2, (4, 3))):
            add("deconv2d_%s_%s_%dx%d_s%d" % (o, border, kernel[0], kernel[1], stride), deconvolution, o, border,
                stride, kernel)
        for kind in ("Max", "Average"):
            for size, stride in (((2, 2), None), ((3, 3), (2, 2)), ((2, 3), (1, 1)), ((4, 4), (2, 3))):
                add("%spool2d_%s_%s_%dx%d_%s" % (
                        kind.lower(), o, border, size[0], size[1], "s%d%d" % stride if stride else "s"),
                    one, kind + "Pooling2D", image, pool_size=size, strides=stride, border_mode=border, dim_ordering=o)
        add("deconv2d_any_batch_%s_%s" % (o, border), deconvolution, o, border, 2, (3, 3), None)
    add("conv2d_nobias_" + o, one, "Convolution2D", image, 3, 2, 2, bias=False, dim_ordering=o)
    add("conv2d_full_" + o, one, "Convolution2D", image, 3, 3, 2, border_mode="full", dim_ordering=o)
    add("conv2d_bn_" + o, normalised_net, o)
    add("local2d_" + o, one, "LocallyConnected2D", place(o, 2, 6, 5), 3, 3, 2, dim_ordering=o, activation="tanh")
    add("local2d_stride_" + o, one, "LocallyConnected2D", place(o, 2, 7, 6), 3, 3, 2, subsample=(2, 2), bias=False,
        dim_ordering=o)
    for kind in ("Max", "Average"):
        add("global_%s_2d_%s" % (kind.lower(), o), one, "Global%sPooling2D" % kind, image, dim_ordering=o)
    # These do not save their dim_ordering: a convolution beside them tells.
    for name, args in (("UpSampling2D", ((2, 3),)), ("ZeroPadding2D", ((1, 2),)), ("Cropping2D", (((1, 2), (2, 1)),)),
                       ("SpatialDropout2D", (0.5,))):
        add("%s_conv_%s" % (name.lower(), o), lambda name=name, args=args: sequence(
            L(name, *args, dim_ordering=o, input_shape=image), L("Convolution2D", 2, 2, 2, dim_ordering=o)))
        add("%s_alone_%s" % (name.lower(), o), one, name, image, *args, dim_ordering=o)
    add("zeropad2d_uneven_" + o, lambda: sequence(
        L("ZeroPadding2D", (1, 0, 2, 3), dim_ordering=o, input_shape=image),
        L("Convolution2D", 2, 2, 2, dim_ordering=o)))
    add("upsample_after_conv_" + o, lambda: sequence(
        L("Convolution2D", 2, 3, 3, border_mode="same", dim_ordering=o, input_shape=image),
        L("MaxPooling2D", dim_ordering=o), L("UpSampling2D", dim_ordering=o),
        L("Cropping2D", ((1, 0), (0, 1)), dim_ordering=o), L("ZeroPadding2D", dim_ordering=o)))


def convlstm(o, border, sequences, stride=(1, 1), backwards=False, kernel=(3, 3)):
    return one("ConvLSTM2D", (4,) + place(o, 2, 6, 5), 3, kernel[0], kernel[1], border_mode=border,
               return_sequences=sequences, subsample=stride, go_backwards=backwards, dim_ordering=o)


def cubes(o):
    cube = place(o, 2, 5, 6, 4)
    for border in ("valid", "same"):
        for kernel, stride in (((3, 3, 3), (1, 1, 1)), ((2, 4, 2), (1, 1, 1)), ((2, 3, 2), (2, 2, 1))):
            add("conv3d_%s_%s_%d%d%d_s%d%d%d" % ((o, border) + kernel + stride), one, "Convolution3D", cube, 3, *kernel,
                border_mode=border, subsample=stride, dim_ordering=o)
        for kind in ("Max", "Average"):
            for size, stride in (((2, 2, 2), None), ((3, 2, 2), (2, 1, 2))):
                add("%spool3d_%s_%s_%d%d%d" % ((kind.lower(), o, border) + size), one, kind + "Pooling3D", cube,
                    pool_size=size, strides=stride, border_mode=border, dim_ordering=o)
        add("convlstm_%s_%s" % (o, border), convlstm, o, border, False)
        add("convlstm_even_%s_%s" % (o, border), convlstm, o, border, True, kernel=(2, 4))
    add("convlstm_sequences_" + o, convlstm, o, "same", True)
    add("convlstm_backwards_" + o, convlstm, o, "same", True, backwards=True)
    add("convlstm_stride_" + o, convlstm, o, "valid", True, stride=(2, 2))
    for kind in ("Max", "Average"):
        add("global_%s_3d_%s" % (kind.lower(), o), one, "Global%sPooling3D" % kind, cube, dim_ordering=o)
    for name, args in (("UpSampling3D", ((2, 1, 2),)), ("ZeroPadding3D", ((1, 2, 1),)),
                       ("Cropping3D", (((1, 1), (2, 1), (1, 0)),))):
        add("%s_conv_%s" % (name.lower(), o), lambda name=name, args=args: sequence(
            L(name, *args, dim_ordering=o, input_shape=cube), L("Convolution3D", 2, 2, 2, 2, dim_ordering=o)))
        add("%s_alone_%s" % (name.lower(), o), one, name, cube, *args, dim_ordering=o)


def far_strides(o):
    """Windows that leave places out: TensorFlow 0.12 puts "same" ones where no later version does."""
    add("conv2d_far_" + o, one, "Convolution2D", place(o, 2, 13, 9), 3, 1, 2, border_mode="same", subsample=(5, 4),
        dim_ordering=o)
    cube = place(o, 2, 9, 6, 11)
    add("conv3d_far_" + o, one, "Convolution3D", cube, 3, 1, 2, 2, border_mode="same", subsample=(4, 2, 5),
        dim_ordering=o)
    for kind in ("Max", "Average"):
        add("%spool3d_far_%s" % (kind.lower(), o), one, kind + "Pooling3D", cube, pool_size=(1, 2, 2),
            strides=(4, 2, 5), border_mode="same", dim_ordering=o)


for _o in ("th", "tf"):
    planes(_o)
    cubes(_o)
    far_strides(_o)
add("conv1d_far", one, "Convolution1D", (13, 3), 4, 1, border_mode="same", subsample_length=5)
