"""Memory bandwidth of GPUs, from which the plan predicts hours; a GPU that is not here has no prediction."""

from __future__ import annotations

# (a word of the name, from how many GB on, bytes per second), the first that fits. Sources, read on 2026-11-28: NVIDIA's data sheets as
# vendors repeat them (acecloud.ai/blog/nvidia-b200-vs-h200-h100-a100: B200 8.0, H200 4.8, H100 SXM 3.35, A100 80 GB 2.039 TB/s).
# H100 with 94 GB of HBM2e (TSUBAME4): six stacks; the H100 PCIe has 2.0 TB/s with five (archive-lib.hpctech.co.jp). The A100's
# 40 GB have 1.555 TB/s (its data sheet, from memory).
_BANDWIDTHS = (
    ("b200", 0, 8.0e12), ("h200", 0, 4.8e12), ("h100", 90, 2.4e12), ("h100", 0, 3.35e12), ("a100", 60, 2.039e12),
    ("a100", 0, 1.555e12),
)  # fmt: skip
_OTHERS = ("mig", "pcie", "nvl")  # parts of a GPU, and other boards of the same name


def bandwidth(gpu: str | None, memory_gb: float | None) -> float | None:
    """Bytes per second that the memory of a GPU is read with; None where it is not known."""
    words = (gpu or "").lower().replace("-", "_").replace(" ", "_").split("_")
    if memory_gb is None or any(one in words for one in _OTHERS):
        return None
    return next((speed for name, least, speed in _BANDWIDTHS if name in words and memory_gb >= least), None)
