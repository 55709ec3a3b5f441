"""Serving graphs: a checkpoint written as ONNX, folded, quantized, and held against torch.

Rule of the room: a graph that differs from its network by more than the stated limit is not
installed.
"""
