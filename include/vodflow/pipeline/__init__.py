"""The use cases of one video's way: prepare (probe and plan), transcode, publish (verify first).

Each step takes small values, reads and writes the catalog, and may run any number of times: what an earlier try
finished is found again, what it left half done is done again.
"""
