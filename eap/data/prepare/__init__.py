"""Preparation of raw video: faces found and followed, cropped, 25 fps and 16 kHz, with labels written beside.

`dataset.prepare` does a whole folder, `pack.pack_arrays` and `eap.data.shards` make what training reads of it.
"""
