#!/usr/bin/env python3
"""Times one training step of the tiny ViT (84 x 84, patch 12, 50 tokens) in PyTorch and in translution, side by side.

    tools/compare_pytorch.py [--program build/release/translution] [--batch-size 64] [--rounds 3] [--device cpu]

PyTorch runs self-attention, and alpha-Translution in the form that a careful user would write: einsum over the narrow
tables, which are gathered per pair. A step is forward, backward and AdamW. The two programs take turns, so that a
noisy machine disturbs both; the ratio of the medians is what counts. Needs PyTorch, which the product does not.
"""
import argparse, json, os, statistics, subprocess, sys, tempfile, time

os.environ.setdefault('OMP_WAIT_POLICY', 'passive')  # spinning threads would slow the other side
import torch
from torch import nn
import torch.nn.functional as F

DIM, DEPTH, HEADS, HEAD_DIM, MLP, SIDE, PATCH, CLASSES, RELENC = 192, 6, 3, 64, 768, 7, 144, 10, 8


def offsets():
    """[N, N] number of the matrix of pair (i, j); token 0 is the class token."""
    k = (2 * SIDE - 1) ** 2
    p = torch.arange(SIDE * SIDE)
    r, c = p // SIDE, p % SIDE
    table = torch.empty(SIDE * SIDE + 1, SIDE * SIDE + 1, dtype=torch.long)
    table[1:, 1:] = (r[:, None] - r[None] + SIDE - 1) * (2 * SIDE - 1) + (c[:, None] - c[None] + SIDE - 1)
    table[0, 0], table[0, 1:], table[1:, 0] = k, k + 1, k + 2
    return table, k + 3


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv, self.out = nn.Linear(DIM, 3 * DIM, bias=False), nn.Linear(DIM, DIM)

    def split(self, x):
        b, n, _ = x.shape
        return self.qkv(x).view(b, n, 3, HEADS, HEAD_DIM).permute(2, 0, 3, 1, 4)

    def forward(self, x):
        b, n, _ = x.shape
        q, k, v = self.split(x)
        a = ((q @ k.transpose(-1, -2)) * HEAD_DIM ** -0.5).softmax(-1)
        return self.out((a @ v).transpose(1, 2).reshape(b, n, DIM))


class Alpha(Attention):
    def __init__(self):
        super().__init__()
        width = HEADS * RELENC
        table, count = offsets()
        self.register_buffer('key', table)
        self.down = nn.ModuleList(nn.Linear(DIM, width, bias=False) for _ in range(3))
        self.tables = nn.ParameterList(nn.Parameter((torch.rand(count, width, width) * 2 - 1) / width)
                                       for _ in range(3))
        self.up = nn.Linear(width, DIM, bias=False)

    def forward(self, x):
        b, n, _ = x.shape
        q, k, v = self.split(x)
        x2 = [d(x) for d in self.down]
        q2 = torch.einsum('bic,ijcd->bijd', x2[0], self.tables[0][self.key.t()]).view(b, n, n, HEADS, RELENC)
        k2 = torch.einsum('bjc,ijcd->bijd', x2[1], self.tables[1][self.key]).view(b, n, n, HEADS, RELENC)
        v2 = torch.einsum('bjc,ijcd->bijd', x2[2], self.tables[2][self.key]).view(b, n, n, HEADS, RELENC)
        a = (q @ k.transpose(-1, -2) + (q2 * k2).sum(-1).permute(0, 3, 1, 2)) * (0.5 * HEAD_DIM ** -0.5)
        a = a.softmax(-1)
        o = (a @ v).transpose(1, 2).reshape(b, n, DIM)
        return self.out(0.5 * (o + self.up(torch.einsum('bhij,bijhr->bihr', a, v2).reshape(b, n, -1))))


class Vit(nn.Module):
    def __init__(self, op):
        super().__init__()
        self.embed = nn.Sequential(nn.LayerNorm(PATCH), nn.Linear(PATCH, DIM), nn.LayerNorm(DIM))
        self.cls, self.pos = nn.Parameter(torch.randn(1, 1, DIM)), nn.Parameter(torch.randn(1, SIDE * SIDE + 1, DIM))
        self.ops = nn.ModuleList(nn.Sequential(nn.LayerNorm(DIM), op()) for _ in range(DEPTH))
        self.mlps = nn.ModuleList(nn.Sequential(nn.LayerNorm(DIM), nn.Linear(DIM, MLP), nn.GELU(), nn.Linear(MLP, DIM))
                                  for _ in range(DEPTH))
        self.head = nn.Sequential(nn.LayerNorm(DIM), nn.Linear(DIM, CLASSES))

    def forward(self, patches):
        x = torch.cat([self.cls.expand(len(patches), -1, -1), self.embed(patches)], 1) + self.pos
        for op, mlp in zip(self.ops, self.mlps):
            x = x + op(x)
            x = x + mlp(x)
        return self.head(x[:, 0])


def pytorch_step(op, batch, device, steps=4):
    torch.manual_seed(0)
    model = Vit(op).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4, weight_decay=0.05)
    x, y = torch.randn(batch, SIDE * SIDE, PATCH, device=device), torch.randint(CLASSES, (batch,), device=device)
    times = []
    for _ in range(steps + 1):
        start = time.perf_counter()
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
        if device != 'cpu':
            torch.cuda.synchronize()
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times[1:])


def translution_step(program, op, batch, steps=6):
    with tempfile.TemporaryDirectory() as out:
        line = subprocess.run([program, 'train', 'mnist', '--op', op, '--batch-size', str(batch), '--steps', str(steps),
                               '--limit-train', str(batch * steps), '--limit-test', str(batch), '--quiet', '--out', out],
                              check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1]
    return json.loads(line)['step_ms']


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--program', default='build/release/translution')
    parser.add_argument('--batch-size', type=int, default=64)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--device', default='cpu', help="PyTorch's device: cpu or cuda")
    a = parser.parse_args()
    print(f'PyTorch {torch.__version__}, {torch.get_num_threads()} threads, batch {a.batch_size}; ms a step, medians')
    for name, op in (('attention', Attention), ('alpha', Alpha)):
        theirs, ours = [], []
        for _ in range(a.rounds):
            theirs.append(pytorch_step(op, a.batch_size, a.device))
            ours.append(translution_step(a.program, name, a.batch_size))
        t, o = statistics.median(theirs), statistics.median(ours)
        print(f'{name:12} PyTorch {t:8.1f}   translution {o:8.1f}   PyTorch / translution {t / o:5.2f}')


if __name__ == '__main__':
    sys.exit(main())
