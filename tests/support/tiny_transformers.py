"""Tiny models of transformers with random weights, made from configurations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch


def tiny_segformer(transformers: Any, folder: Path, *, channels: int = 3) -> Path:
    """Two stages; logits are of half the size."""
    torch.manual_seed(0)
    config = transformers.SegformerConfig(
        num_channels=channels,
        num_encoder_blocks=2,
        depths=[1, 1],
        sr_ratios=[2, 1],
        hidden_sizes=[8, 8],
        patch_sizes=[3, 3],
        strides=[2, 2],
        num_attention_heads=[1, 1],
        mlp_ratios=[2, 2],
        decoder_hidden_size=8,
        num_labels=2,
    )
    transformers.SegformerForSemanticSegmentation(config).save_pretrained(folder)
    return folder


def tiny_mask2former(transformers: Any, folder: Path) -> Path:
    """Five queries, two classes, an image of 32 x 32."""
    torch.manual_seed(0)
    backbone = transformers.SwinConfig(
        image_size=32,
        patch_size=4,
        embed_dim=8,
        depths=[1, 1, 1, 1],
        num_heads=[1, 1, 1, 1],
        window_size=2,
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )
    config = transformers.Mask2FormerConfig(
        backbone_config=backbone,
        feature_size=32,
        mask_feature_size=32,
        hidden_dim=32,
        encoder_feedforward_dim=16,
        encoder_layers=1,
        decoder_layers=2,
        num_attention_heads=2,
        dim_feedforward=16,
        num_queries=5,
        num_labels=2,
    )
    transformers.Mask2FormerForUniversalSegmentation(config).save_pretrained(folder)
    return folder
