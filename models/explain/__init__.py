"""Why the network said it, and how far that reason can be believed.

`subject` is the film as the networks see it, `targets` the question, `methods` the registry of
attributions, `explainer` the entry point; everything else here measures or tests what comes out.
"""
