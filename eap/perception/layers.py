"""Building blocks shared by teachers and evaluators (blocks only: every network is put together in its own way)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def resize(images: Tensor, size: int) -> Tensor:
    """Resize (N,3,H,W) to (N,3,size,size), bilinear with antialias; differentiable; no work when the size is right."""
    if images.shape[-2:] == (size, size):
        return images
    return F.interpolate(images, (size, size), mode="bilinear", align_corners=False, antialias=True)


def standardise(images: Tensor, size: int) -> Tensor:
    """Check, resize and centre images: (N,3,H,W) in [0,1] -> (N,3,size,size) in [-1,1], channels last in memory.

    Raises
    ------
    ValueError when ``images`` is not (N,3,H,W).

    """
    if images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(f"expected images (N,3,H,W), got {tuple(images.shape)}")
    return (resize(images, size) * 2 - 1).contiguous(memory_format=torch.channels_last)


def group_norm(channels: int) -> nn.GroupNorm:
    """GroupNorm with groups of 8 channels."""
    return nn.GroupNorm(max(1, channels // 8), channels)


class ConvGN(nn.Sequential):
    """3x3 convolution, GroupNorm, SiLU (teachers: no batch statistics, smooth gradients)."""

    def __init__(self, c_in: int, c_out: int, stride: int = 1) -> None:
        super().__init__(nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False), group_norm(c_out), nn.SiLU())


class ConvBN(nn.Module):
    """Convolution, BatchNorm, optional ReLU (evaluators); ``folded`` has the norm inside the convolution.

    ``groups=c_in`` makes it depthwise.
    """

    def __init__(
        self, c_in: int, c_out: int, kernel: int = 3, stride: int = 1, *, groups: int = 1, relu: bool = True,
        folded: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, groups=groups, bias=folded)
        self.norm: nn.Module = nn.Identity() if folded else nn.BatchNorm2d(c_out)
        self.relu = relu

    def forward(self, x: Tensor) -> Tensor:
        """(N,c_in,h,w) -> (N,c_out,h/stride,w/stride)."""
        y: Tensor = self.norm(self.conv(x))
        return F.relu(y) if self.relu else y


@torch.no_grad()
def fold_batch_norms(source: nn.Module, target: nn.Module) -> None:
    """Copy ``source`` (trained, with BatchNorm) into ``target`` (the same network built with ``folded=True``).

    In eval mode both then compute the same function up to rounding.
    """
    folded = dict(target.named_modules())
    state = source.state_dict()
    for name, block in source.named_modules():
        if not isinstance(block, ConvBN) or not isinstance(block.norm, nn.BatchNorm2d):
            continue
        norm, conv = block.norm, block.conv
        if norm.running_var is None or norm.running_mean is None:
            raise ValueError(f"{name}: a BatchNorm without running statistics cannot be folded")
        scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        into = folded[name]
        if not isinstance(into, ConvBN) or into.conv.bias is None:
            raise ValueError(f"{name}: the target network is not built with folded=True")
        into.conv.weight.copy_(conv.weight * scale[:, None, None, None])
        into.conv.bias.copy_(norm.bias - norm.running_mean * scale)
        state = {key: value for key, value in state.items() if not key.startswith(f"{name}.")}
    missing, unexpected = target.load_state_dict(state, strict=False)
    not_folded = [key for key in missing if not key.endswith(("conv.weight", "conv.bias"))]
    if unexpected or not_folded:
        raise ValueError(f"networks differ: {sorted(unexpected) + sorted(not_folded)}")


class Separable(nn.Module):
    """Depthwise-separable residual block: 3x3 depthwise, 1x1 pointwise, with a shortcut where shapes agree."""

    def __init__(self, c_in: int, c_out: int, stride: int = 1, *, folded: bool = False) -> None:
        super().__init__()
        self.depth = ConvBN(c_in, c_in, 3, stride, groups=c_in, relu=False, folded=folded)
        self.point = ConvBN(c_in, c_out, 1, folded=folded)
        self.shortcut = stride == 1 and c_in == c_out

    def forward(self, x: Tensor) -> Tensor:
        """(N,c_in,h,w) -> (N,c_out,h/stride,w/stride)."""
        y: Tensor = self.point(self.depth(x))
        return x + y if self.shortcut else y


class Residual(nn.Module):
    """Two 3x3 convolutions with BatchNorm and a projected shortcut (ResNet's basic block, He et al. 2016)."""

    def __init__(self, c_in: int, c_out: int, stride: int = 1, *, folded: bool = False) -> None:
        super().__init__()
        self.first = ConvBN(c_in, c_out, 3, stride, folded=folded)
        self.second = ConvBN(c_out, c_out, 3, relu=False, folded=folded)
        self.project: nn.Module = nn.Identity()
        if stride != 1 or c_in != c_out:
            self.project = ConvBN(c_in, c_out, 1, stride, relu=False, folded=folded)

    def forward(self, x: Tensor) -> Tensor:
        """(N,c_in,h,w) -> (N,c_out,h/stride,w/stride)."""
        y: Tensor = self.second(self.first(x)) + self.project(x)
        return F.relu(y)


def soft_argmax(heatmaps: Tensor) -> Tensor:
    """Expected position under softmax: logits (N,K,h,w) -> (N,K,2) as x,y in 0..1 of the frame.

    Cell i of n is centred at (i + .5) / n, which keeps coordinates independent of the heatmap's resolution.
    """
    n, k, h, w = heatmaps.shape
    weight = heatmaps.reshape(n, k, h * w).softmax(-1).reshape(n, k, h, w)
    xs = (torch.arange(w, device=heatmaps.device, dtype=weight.dtype) + 0.5) / w
    ys = (torch.arange(h, device=heatmaps.device, dtype=weight.dtype) + 0.5) / h
    return torch.stack([(weight.sum(2) * xs).sum(-1), (weight.sum(3) * ys).sum(-1)], -1)


class ShapeResidual(nn.Module):
    """Landmarks (N,68,2) -> their departure from the mean face about their own centre, (N,136), scaled to about 1.

    Where the head is says nothing of what it feels, and the mean face is many times larger than any expression: with
    both removed a small network learns emotion from landmarks in hundreds of steps instead of thousands.
    """

    mean: Tensor

    def __init__(self, points: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(points, 2))

    def forward(self, landmarks: Tensor) -> Tensor:
        """See the class."""
        return 24 * (landmarks - landmarks.mean(1, keepdim=True) - self.mean).flatten(1)


def count_parameters(module: nn.Module) -> int:
    """Number of trainable and frozen parameters."""
    return sum(parameter.numel() for parameter in module.parameters())


def count_macs(module: nn.Module, *inputs: Tensor) -> int:
    """Multiply-accumulates of all convolution, linear and GRU layers for one call ``module(*inputs)``."""
    total = 0

    def hook(layer: nn.Module, args: tuple[Tensor, ...], output: object) -> None:
        nonlocal total
        if isinstance(layer, nn.GRU):
            steps = args[0].shape[0] * args[0].shape[1]
            total += steps * sum(parameter.numel() for name, parameter in layer.named_parameters() if "weight" in name)
        elif isinstance(layer, nn.Conv2d | nn.Linear) and isinstance(output, Tensor):
            total += output.numel() * layer.weight[0].numel()

    handles = [layer.register_forward_hook(hook) for layer in module.modules()]
    training = module.training
    try:
        module.eval()
        with torch.no_grad():
            module(*inputs)
    finally:
        module.train(training)
        for handle in handles:
            handle.remove()
    return total
