"""Stands in for the decoding child: never ends by itself."""

import resource

resource.setrlimit(resource.RLIMIT_CPU, (1, 1))
while True:
    pass
