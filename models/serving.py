"""Settings of a process that serves the network to several readers at once."""

from __future__ import annotations

import gc

import torch


def settle() -> None:
    """Make this process a quiet server; call once, after the networks are loaded.

    One thread per forward pass: films of different readers share the processors better than the
    threads of one film do. What is loaded by now stays to the end, so it is taken out of the
    garbage collector's sight: the screens ask for a full collection after every rerun, which
    costs a third of a second with torch and captum in view and nothing without.
    """
    torch.set_num_threads(1)
    gc.collect()
    gc.freeze()
