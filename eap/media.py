"""Video, audio and images in and out: the only place that opens a container (PyAV) or an image file (Pillow).

Frames are uint8 RGB (H, W, 3), audio is float32 mono in [-1, 1]. Every failure is a MediaError whose one line names
the file, what is wrong and the fix. Files are written whole or not at all, and the same input gives the same bytes.
"""

from __future__ import annotations

from eap._media.audio import read_audio, read_audio_blocks, resample
from eap._media.images import read_image, write_image
from eap._media.read import Video, VideoInfo, probe, read_frames, read_video
from eap._media.write import VideoWriter, mux, write_audio, write_video

__all__ = [
    "Video",
    "VideoInfo",
    "VideoWriter",
    "mux",
    "probe",
    "read_audio",
    "read_audio_blocks",
    "read_frames",
    "read_image",
    "read_video",
    "resample",
    "write_audio",
    "write_image",
    "write_video",
]
