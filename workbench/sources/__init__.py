"""Sources: files become Documents. Parsing happens in a separate, limited process.

``files`` is the way in; ``worker`` and ``child`` are the two ends of the parser process;
``parsing`` picks a parser by content; the other modules hold one format each and import their
library lazily.
"""
