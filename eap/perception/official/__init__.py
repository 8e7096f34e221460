"""Published networks as teachers on real faces, in plain torch: 2DFAN (L_lip), VGG19 (L_per), HSEmotion (F).

``files.py`` what is published where, ``loading.py`` strict reading of tensors, ``fan.py``, ``vgg.py`` and
``efficientnet.py`` the networks with gradients to their input, ``convert.py`` HSEmotion's pickled module to safetensors
without running it, ``teacher.py`` all three as one `FaceReading`.
"""

from __future__ import annotations
