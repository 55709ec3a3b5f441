"""The networks as they serve: films in batches, answers out, without torch where ONNX Runtime is.

`Assessor` is the entry point. `torch_networks` is the same with torch, the default where a
checkpoint has no graphs and the reference that every other engine is compared with.
"""
