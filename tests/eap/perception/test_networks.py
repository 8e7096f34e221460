"""Shapes, gradients, folding and cost of the perception networks."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from eap.perception.audio import AudioEmotionProbe
from eap.perception.evaluators import EmotionJudge, IdentityJudge, LandmarkJudge, crop_box
from eap.perception.layers import ConvBN, ShapeResidual, count_macs, count_parameters, resize, soft_argmax
from eap.perception.sync import SyncJudge, score_sync, sync_curve
from eap.perception.teachers import FaceTeacher


def images(n: int = 2, size: int = 96, seed: int = 0) -> Tensor:
    return torch.rand(n, 3, size, size, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("size", [64, 96, 128])
def test_teacher_reads_frames_of_any_size(size: int) -> None:
    reading = FaceTeacher().eval()(images(3, size))
    assert reading.landmarks.shape == (3, 68, 2)
    assert reading.emotion_logits.shape == (3, 8)
    assert reading.va.shape == (3, 2)
    assert reading.embedding.shape == (3, 64)
    assert reading.lips.shape == (3, 20, 2)
    assert [tap.shape[1:] for tap in reading.taps] == [(16, 48, 48), (32, 24, 24), (48, 12, 12), (96, 6, 6)]
    assert bool(((reading.landmarks > 0) & (reading.landmarks < 1)).all())


@pytest.mark.parametrize("part", ["landmarks", "emotion_logits", "va", "embedding", "intensity", "taps"])
def test_gradients_reach_the_input_of_a_frozen_teacher(part: str) -> None:
    teacher = FaceTeacher().eval().requires_grad_(False)
    x = images(2, 128).requires_grad_()
    value = getattr(teacher(x), part)
    (value[0] if part == "taps" else value).square().sum().backward()
    assert x.grad is not None
    assert bool(x.grad.isfinite().all())
    assert all(float(frame.abs().sum()) > 0 for frame in x.grad)
    assert all(parameter.grad is None for parameter in teacher.parameters())


def test_intensity_has_a_gradient_where_nothing_is_felt() -> None:
    teacher = FaceTeacher().eval()
    nn.init.zeros_(teacher.va.weight)
    nn.init.zeros_(teacher.va.bias)
    x = images(1).requires_grad_()
    teacher(x).intensity.sum().backward()
    assert x.grad is not None
    assert bool(x.grad.isfinite().all())


def test_a_frames_reading_does_not_depend_on_its_batch() -> None:
    teacher = FaceTeacher().train()
    batch = images(4)
    torch.testing.assert_close(teacher(batch).va[:1], teacher(batch[:1]).va, rtol=1e-4, atol=1e-5)


def test_the_teacher_is_small_and_cheap() -> None:
    assert count_parameters(FaceTeacher()) <= 500_000
    assert count_macs(FaceTeacher(), images(1)) <= 25_000_000


@pytest.mark.parametrize("size", [80, 96, 128])
def test_judges_read_frames_of_any_size(size: int) -> None:
    x = images(2, size)
    emotion = EmotionJudge().eval()(x)
    assert emotion.logits.shape == (2, 8)
    assert emotion.valence.shape == emotion.arousal.shape == (2,)
    assert emotion.features.shape == (2, 128)
    torch.testing.assert_close(emotion.probabilities.sum(1), torch.ones(2))
    torch.testing.assert_close(emotion.intensity.square(), emotion.valence**2 + emotion.arousal**2)
    assert LandmarkJudge().eval()(x).shape == (2, 68, 2)
    embedding = IdentityJudge().eval()(x)
    assert embedding.shape == (2, 128)
    torch.testing.assert_close(embedding.norm(dim=1), torch.ones(2))


@pytest.mark.parametrize("network", [FaceTeacher, EmotionJudge, LandmarkJudge, IdentityJudge])
@pytest.mark.parametrize("shape", [(3, 96, 96), (1, 1, 96, 96), (1, 96, 96, 3)])
def test_what_is_no_batch_of_images_is_refused(network: type[nn.Module], shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected images"):
        network().eval()(torch.zeros(shape))


@pytest.mark.parametrize("judge", [EmotionJudge, LandmarkJudge, IdentityJudge])
def test_folding_keeps_the_function_and_drops_the_norms(judge: type[EmotionJudge]) -> None:
    torch.manual_seed(0)
    trained = judge().train()
    for _ in range(3):
        trained(images(8))
    with torch.no_grad():
        for block in trained.modules():
            if isinstance(block, nn.BatchNorm2d):
                block.weight.uniform_(0.5, 1.5)
                block.bias.uniform_(-0.2, 0.2)
    folded = trained.eval().fold()
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    before, after = trained(images(3, seed=5)), folded(images(3, seed=5))
    if isinstance(trained, EmotionJudge):
        before, after = before.logits, after.logits
    torch.testing.assert_close(before, after, rtol=1e-3, atol=1e-4)


def test_folding_into_another_network_is_refused() -> None:
    from eap.perception.layers import fold_batch_norms

    with pytest.raises(ValueError, match="not built with folded=True"):
        fold_batch_norms(ConvBN(3, 8), ConvBN(3, 8))


def test_soft_argmax_finds_a_peak_at_its_cells_centre() -> None:
    heatmaps = torch.zeros(1, 1, 4, 8)
    heatmaps[0, 0, 1, 6] = 50
    torch.testing.assert_close(soft_argmax(heatmaps)[0, 0], torch.tensor([6.5 / 8, 1.5 / 4]))
    torch.testing.assert_close(soft_argmax(torch.zeros(1, 1, 4, 8))[0, 0], torch.tensor([0.5, 0.5]))


def test_shape_residual_ignores_where_the_head_is() -> None:
    residual = ShapeResidual(68)
    points = torch.rand(2, 68, 2)
    torch.testing.assert_close(residual(points), residual(points + 0.1), rtol=1e-4, atol=1e-5)
    residual.mean.copy_(points[0] - points[0].mean(0))
    assert float(residual(points[:1]).abs().max()) < 1e-5


def test_resize_leaves_the_right_size_alone_and_keeps_the_mean() -> None:
    x = images(1, 96)
    assert resize(x, 96) is x
    assert abs(float(resize(x, 48).mean() - x.mean())) < 0.01


def test_crop_box_cuts_the_same_part_at_every_size() -> None:
    ramp = torch.arange(96.0).repeat(96, 1)[None, None]
    cut = crop_box(ramp, (0.25, 0.5, 0.75, 1.0))
    assert cut.shape == (1, 1, 48, 48)
    assert (float(cut[..., 0, 0]), float(cut[..., 0, -1])) == (24.0, 71.0)
    assert crop_box(torch.zeros(1, 1, 128, 128), (0.25, 0.5, 0.75, 1.0)).shape == (1, 1, 64, 64)


def test_sync_windows_see_their_own_time_only() -> None:
    judge = SyncJudge().eval().requires_grad_(False)
    frames, mel = images(12)[None], torch.randn(1, 48, 80)
    video, audio = judge(frames, mel)
    assert video.shape == audio.shape == (1, 8, 128)
    torch.testing.assert_close(video.norm(dim=-1), torch.ones(1, 8))
    other_frames, other_mel = frames.clone(), mel.clone()
    other_frames[:, 5:], other_mel[:, 20:] = 0.5, 0.0
    video_changed, audio_changed = judge(other_frames, other_mel)
    torch.testing.assert_close(video[:, 0], video_changed[:, 0])
    torch.testing.assert_close(audio[:, 0], audio_changed[:, 0])
    assert float((video[:, 1] - video_changed[:, 1]).norm()) > 1e-4
    assert float((audio[:, 1] - audio_changed[:, 1]).norm()) > 1e-4


def test_sync_embeds_a_stream_of_mouths_as_it_embeds_the_clip() -> None:
    judge = SyncJudge().eval()
    frames = images(7)
    mouths = torch.cat([judge.crop_mouth(frames[:3]), judge.crop_mouth(frames[3:])])
    torch.testing.assert_close(judge.embed_mouths(mouths[None]), judge.embed_video(frames[None]))


def test_sync_refuses_too_little() -> None:
    judge = SyncJudge()
    with pytest.raises(ValueError, match="a window is 5 frames"):
        judge.embed_video(images(4)[None])
    with pytest.raises(ValueError, match="expected mel"):
        judge.embed_audio(torch.zeros(1, 19, 80))


@pytest.mark.parametrize("shift", [-7, 0, 3])
def test_sync_score_finds_a_known_shift(shift: int) -> None:
    path = nn.functional.normalize(torch.randn(60, 128, generator=torch.Generator().manual_seed(1)), dim=1)
    score = score_sync(path, path.roll(shift, 0))
    assert score.offset == shift
    assert score.distance < 1e-4
    assert score.confidence == pytest.approx(2**0.5, abs=0.1)


def test_sync_curve_by_hand() -> None:
    video = torch.tensor([[0.0], [1.0], [2.0]])
    audio = torch.tensor([[1.0], [2.0], [5.0]])
    # shift -1: video 1,2 meet audio 0,1 -> 0,0; 0: 1,1,3 -> 5/3; +1: video 0,1 meet audio 1,2 -> 2,4 -> 3
    torch.testing.assert_close(sync_curve(video, audio, 1), torch.tensor([0.0, 5 / 3, 3.0]))
    assert int(sync_curve(video, audio, 3).isnan().sum()) == 2


def test_audio_probe_reads_clips_of_any_length() -> None:
    probe = AudioEmotionProbe().eval()
    for frames in (5, 25, 76):
        heard = probe(torch.randn(2, 4 * frames, 80))
        assert heard.logits.shape == (2, 8)
        assert heard.alpha.shape == (2, frames)
        assert bool((heard.alpha >= 0).all())
    with pytest.raises(ValueError, match="expected mel"):
        probe(torch.zeros(1, 101, 80))


def test_macs_by_hand() -> None:
    conv = nn.Conv2d(3, 8, 3, padding=1)
    assert count_macs(conv, torch.zeros(1, 3, 4, 4)) == 4 * 4 * 8 * 27
    assert count_macs(nn.Linear(5, 7), torch.zeros(2, 5)) == 70
