"""Fitting perception networks on a training cache; ``python -m eap.perception.fit --help``."""

from eap.perception.fit.audio import fit_audio_probe
from eap.perception.fit.faces import fit_emotion_judge, fit_landmark_judge, fit_teacher
from eap.perception.fit.identity import fit_identity_judge
from eap.perception.fit.loop import Budget, FitReport
from eap.perception.fit.sync import fit_sync_judge

__all__ = [
    "Budget",
    "FitReport",
    "fit_audio_probe",
    "fit_emotion_judge",
    "fit_identity_judge",
    "fit_landmark_judge",
    "fit_sync_judge",
    "fit_teacher",
]
