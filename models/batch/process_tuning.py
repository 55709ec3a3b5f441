"""Settings of a process that serves the network to several readers at once."""

from __future__ import annotations

import gc
import sys
import threading
import time

import torch

_EVERY = 60.0  # seconds between two full collections


def settle() -> None:
    """Make this process a quiet server; call once, after the networks are loaded.

    One thread per forward pass: films of different readers share the processors better than the
    threads of one film do. What is loaded by now stays to the end, so it is taken out of the
    garbage collector's sight. Streamlit would collect everything after every rerun, down to each
    look at a job: with twenty readers, two thirds of the time in which anything ran. It is told not
    to (`runner.postScriptGC`), and once a minute all is collected here. Threads hand Python's lock
    over after a thousandth of a second: every query gives it away and must get it back, and with
    the usual five a page of thirty queries waits for those who compute.
    """
    sys.setswitchinterval(0.001)
    torch.set_num_threads(1)
    gc.collect()
    gc.freeze()
    threading.Thread(target=_collect, name="lightbox-collect", daemon=True).start()


def _collect() -> None:
    while True:
        time.sleep(_EVERY)
        gc.collect()
