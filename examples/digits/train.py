# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
"""Trains the digits model and writes digits.onnx, calib.npz and test.npz into this folder.

    pip install -r requirements.txt && python train.py

The data are scikit-learn's labelled digits: 1797 grey images of 8 x 8 with values 0..16, divided by 16 here. A fixed
permutation splits them into 1000 for training, 200 for calibration and 597 for the test. The net is a small ResNet: a
stem, one residual block at 8 x 8, one at 4 x 4 behind a stride of 2 (with a 1 x 1 projection), a global average pool
and a fully connected layer. BatchNormalization stays in the file, as exporters leave it.
"""
import pathlib

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

FOLDER = pathlib.Path(__file__).resolve().parent
SEED = 2024
EPOCHS = 60
BATCH = 50


class Block(nn.Module):
    """relu(x' + bn(conv(relu(bn(conv(x)))))), x' = x or its projection where the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.projection = None
        if stride != 1 or inputs != outputs:
            self.projection = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (self.projection(x) if self.projection else x))


class Digits(nn.Module):
    def __init__(self, width: int = 12):
        super().__init__()
        self.conv = nn.Conv2d(1, width, 3, 1, 1, bias=False)
        self.bn = nn.BatchNorm2d(width)
        self.block1 = Block(width, width, 1)
        self.block2 = Block(width, 2 * width, 2)
        self.fc = nn.Linear(2 * width, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.block2(self.block1(F.relu(self.bn(self.conv(x)))))
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))


def augment(images: torch.Tensor) -> torch.Tensor:
    """Shifts each image by up to one pixel in both directions."""
    padded = F.pad(images, (1, 1, 1, 1))
    dy, dx = torch.randint(0, 3, (2, len(images)))
    return torch.stack([image[:, y : y + 8, x : x + 8] for image, y, x in zip(padded, dy, dx)])


def train(images: torch.Tensor, labels: torch.Tensor) -> Digits:
    model = Digits()
    steps = EPOCHS * (len(images) // BATCH)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=5e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, total_steps=steps)
    for _ in range(EPOCHS):
        order = torch.randperm(len(images))
        for i in range(0, len(images), BATCH):
            chosen = order[i : i + BATCH]
            loss = F.cross_entropy(model(augment(images[chosen])), labels[chosen], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return model.eval()


def main() -> None:
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    digits = load_digits()
    order = np.random.default_rng(SEED).permutation(len(digits.target))
    images = (digits.images[order, None] / 16).astype(np.float32)
    labels = digits.target[order].astype(np.int64)
    model = train(torch.tensor(images[:1000]), torch.tensor(labels[:1000]))

    # TrainingMode.PRESERVE keeps the BatchNormalization nodes, which the exporter would fold otherwise.
    torch.onnx.export(model, torch.zeros(1, 1, 8, 8), FOLDER / "digits.onnx", input_names=["image"],
                      output_names=["logits"], dynamic_axes={"image": {0: "N"}, "logits": {0: "N"}}, opset_version=17,
                      do_constant_folding=False, training=torch.onnx.TrainingMode.PRESERVE, dynamo=False)
    onnx.checker.check_model(onnx.load(FOLDER / "digits.onnx"), full_check=True)
    np.savez(FOLDER / "calib.npz", image=images[1000:1200])
    np.savez(FOLDER / "test.npz", image=images[1200:], labels=labels[1200:])
    with torch.no_grad():
        right = model(torch.tensor(images[1200:])).argmax(1).numpy() == labels[1200:]
    print(f"{sum(p.numel() for p in model.parameters())} parameters, test accuracy {100 * right.mean():.2f} %")


if __name__ == "__main__":
    main()
