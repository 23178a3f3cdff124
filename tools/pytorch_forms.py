#!/usr/bin/env python3
"""The PyTorch side of compare_pytorch.py: the operations as PyTorch's users could write them, each timed by
`pytorch_forms.py step OP FORM BATCH STEPS`, which prints one JSON object. Exit status 3: out of memory."""
import argparse, json, os, resource, statistics, sys, time

import torch
from torch import nn
import torch.nn.functional as F

DIM, DEPTH, HEADS, HEAD_DIM, MLP, SIDE, PATCH, CLASSES, RELENC = 192, 6, 3, 64, 768, 7, 144, 10, 8
LENGTH, VOCABULARY = 160, 50257  # of text


def offsets(side):
    """[N, N] number of the matrix of pair (i, j) and how many there are; token 0 is the class token. A negative side: a
    sequence of that length, where pairs with j > i are masked and take any matrix."""
    if side < 0:
        p = torch.arange(-side)
        return (p[:, None] - p[None]).clamp(min=0), -side
    k = (2 * side - 1) ** 2
    p = torch.arange(side * side)
    r, c = p // side, p % side
    table = torch.empty(side * side + 1, side * side + 1, dtype=torch.long)
    table[1:, 1:] = (r[:, None] - r[None] + side - 1) * (2 * side - 1) + (c[:, None] - c[None] + side - 1)
    table[0, 0], table[0, 1:], table[1:, 0] = k, k + 1, k + 2
    return table, k + 3


class Attention(nn.Module):
    def __init__(self, dim=DIM, heads=HEADS, head_dim=HEAD_DIM, side=SIDE):
        super().__init__()
        self.heads, self.head_dim = heads, head_dim
        if side < 0:
            self.register_buffer('later', torch.ones(-side, -side, dtype=torch.bool).triu(1))
        self.qkv, self.out = nn.Linear(dim, 3 * heads * head_dim, bias=False), nn.Linear(heads * head_dim, dim)

    def split(self, x):
        b, n, _ = x.shape
        return self.qkv(x).view(b, n, 3, self.heads, self.head_dim).permute(2, 0, 3, 1, 4)

    def softmax(self, a):
        return (a.masked_fill(self.later, float('-inf')) if hasattr(self, 'later') else a).softmax(-1)

    def forward(self, x):
        q, k, v = self.split(x)
        a = self.softmax((q @ k.transpose(-1, -2)) * self.head_dim ** -0.5)
        return self.out((a @ v).transpose(1, 2).flatten(2))


class Fused(Attention):
    """The same by PyTorch's own fused attention."""

    def forward(self, x):
        o = F.scaled_dot_product_attention(*self.split(x), is_causal=hasattr(self, 'later'))
        return self.out(o.transpose(1, 2).flatten(2))


class Alpha(Attention):
    """einsum: over the narrow tables gathered per pair; naive: a matmul of every pair's row and matrix."""

    def __init__(self, form='einsum', dim=DIM, heads=HEADS, head_dim=HEAD_DIM, side=SIDE, relenc=RELENC):
        super().__init__(dim, heads, head_dim, side)
        width, (table, count) = heads * relenc, offsets(side)
        self.form, self.relenc = form, relenc
        self.register_buffer('key', table)
        self.down = nn.ModuleList(nn.Linear(dim, width, bias=False) for _ in range(3))
        self.tables = nn.ParameterList(nn.Parameter((torch.rand(count, width, width) * 2 - 1) / width) for _ in range(3))
        self.up = nn.Linear(width, heads * head_dim, bias=False)

    def pairs(self, x, table, key, by_query):
        b, n, c = x.shape
        if self.form == 'einsum':
            y = torch.einsum('bic,ijcd->bijd' if by_query else 'bjc,ijcd->bijd', x, table[key])
        else:
            rows = x[:, :, None, None] if by_query else x[:, None, :, None]
            y = (rows.expand(b, n, n, 1, c) @ table[key]).squeeze(-2)
        return y.view(b, n, n, self.heads, self.relenc)

    def forward(self, x):
        q, k, v = self.split(x)
        x2 = [d(x) for d in self.down]
        by_query = self.tables[0].shape[0] - 1 - self.key if hasattr(self, 'later') else self.key.t()
        q2 = self.pairs(x2[0], self.tables[0], by_query, True)
        k2 = self.pairs(x2[1], self.tables[1], self.key, False)
        v2 = self.pairs(x2[2], self.tables[2], self.key, False)
        a = (q @ k.transpose(-1, -2) + (q2 * k2).sum(-1).permute(0, 3, 1, 2)) * (0.5 * self.head_dim ** -0.5)
        a = self.softmax(a)
        o = (a @ v).transpose(1, 2).flatten(2)
        return self.out(0.5 * (o + self.up(torch.einsum('bhij,bijhr->bihr', a, v2).flatten(2))))


class Streamed(torch.autograd.Function):
    """Full Translution on x [N, B, C], offset by offset, so that no more than one offset's rows are held; backward
    recomputes them. groups: (i, j, query matrix, key matrix) of every offset; attention weights stay [N, N, B, h]."""

    @staticmethod
    def rows(x, index, w):
        return torch.mm(x.index_select(0, index).flatten(0, 1), w)

    @staticmethod
    def forward(ctx, x, wq, wk, wv, groups, heads):
        n, b, _ = x.shape
        d = wq.shape[2] // heads
        logits = x.new_empty(n * n, b, heads)
        for i, j, mq, mk in groups:
            q, k = Streamed.rows(x, i, wq[mq]), Streamed.rows(x, j, wk[mk])
            logits[i * n + j] = (q * k).view(len(i), b, heads, d).sum(-1)
        p = (logits.view(n, n, b, heads) * d ** -0.5).softmax(1)
        flat, o = p.view(n * n, b, heads), x.new_zeros(n, b, heads, d)
        for i, j, mq, mk in groups:
            v = Streamed.rows(x, j, wv[mk]).view(len(i), b, heads, d)
            o.index_add_(0, i, flat[i * n + j].unsqueeze(-1) * v)
        ctx.save_for_backward(x, wq, wk, wv, p)
        ctx.groups, ctx.heads = groups, heads
        return o.flatten(2)

    @staticmethod
    def backward(ctx, do):
        x, wq, wk, wv, p = ctx.saved_tensors
        (n, b, c), heads = x.shape, ctx.heads
        d, flat = wq.shape[2] // heads, p.view(n * n, b, heads)
        do = do.reshape(n, b, heads, d)
        dx, dp = torch.zeros_like(x), torch.empty_like(flat)
        dwq, dwk, dwv = torch.zeros_like(wq), torch.zeros_like(wk), torch.zeros_like(wv)
        for i, j, mq, mk in ctx.groups:
            xj, g = x.index_select(0, j).flatten(0, 1), do.index_select(0, i)
            dp[i * n + j] = (torch.mm(xj, wv[mk]).view(len(i), b, heads, d) * g).sum(-1)
            dv = (flat[i * n + j].unsqueeze(-1) * g).flatten(2).flatten(0, 1)
            torch.mm(xj.t(), dv, out=dwv[mk])
            dx.index_add_(0, j, torch.mm(dv, wv[mk].t()).view(len(j), b, c))
        dp = dp.view(n, n, b, heads)
        da = ((dp - (dp * p).sum(1, keepdim=True)) * p * d ** -0.5).view(n * n, b, heads)
        for i, j, mq, mk in ctx.groups:
            xi, xj = x.index_select(0, i).flatten(0, 1), x.index_select(0, j).flatten(0, 1)
            w = da[i * n + j].unsqueeze(-1)
            dq = (w * torch.mm(xj, wk[mk]).view(len(i), b, heads, d)).view(-1, heads * d)
            dk = (w * torch.mm(xi, wq[mq]).view(len(i), b, heads, d)).view(-1, heads * d)
            torch.mm(xi.t(), dq, out=dwq[mq])
            torch.mm(xj.t(), dk, out=dwk[mk])
            dx.index_add_(0, i, torch.mm(dq, wq[mq].t()).view(len(i), b, c))
            dx.index_add_(0, j, torch.mm(dk, wk[mk].t()).view(len(j), b, c))
        return dx, dwq, dwk, dwv, None, None


class Translution(nn.Module):
    """naive: weights gathered for every pair, as the reference does; streamed: see above."""

    def __init__(self, form='streamed', dim=DIM, heads=HEADS, head_dim=HEAD_DIM, side=SIDE):
        super().__init__()
        self.form, self.heads, self.head_dim = form, heads, head_dim
        table, count = offsets(side)
        self.register_buffer('key', table)
        width = heads * head_dim
        self.tables = nn.ParameterList(
            nn.Parameter((torch.rand(count, dim, width) * 2 - 1) * (dim * width) ** -0.5) for _ in range(3))
        self.out = nn.Linear(width, dim)
        self.groups = []
        for m in range(count):
            i, j = (table == m).nonzero(as_tuple=True)
            self.groups.append((i, j, int(table[j[0], i[0]]), m))

    def forward(self, x):
        b, n, c = x.shape
        if self.form == 'streamed':
            if self.groups[0][0].device != x.device:
                self.groups = [(i.to(x.device), j.to(x.device), q, k) for i, j, q, k in self.groups]
            o = Streamed.apply(x.transpose(0, 1).contiguous(), *self.tables, self.groups, self.heads)
            return self.out(o.transpose(0, 1))
        rows = [x[:, :, None, None].expand(b, n, n, 1, c), x[:, None, :, None].expand(b, n, n, 1, c)]
        q, k, v = ((rows[r] @ w[key]).view(b, n, n, self.heads, self.head_dim)
                   for r, w, key in zip((0, 1, 1), self.tables, (self.key.t(), self.key, self.key)))
        a = ((q * k).sum(-1) * self.head_dim ** -0.5).softmax(2)
        return self.out((a.unsqueeze(-1) * v).sum(2).flatten(2))


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


class Gpt(nn.Module):
    def __init__(self, op):
        super().__init__()
        self.table, self.pos = nn.Embedding(VOCABULARY, DIM), nn.Parameter(torch.randn(LENGTH, DIM))
        self.ops = nn.ModuleList(nn.Sequential(nn.LayerNorm(DIM), op(side=-LENGTH)) for _ in range(DEPTH))
        self.mlps = nn.ModuleList(nn.Sequential(nn.LayerNorm(DIM), nn.Linear(DIM, MLP), nn.GELU(), nn.Linear(MLP, DIM))
                                  for _ in range(DEPTH))
        self.head = nn.Sequential(nn.LayerNorm(DIM), nn.LayerNorm(DIM), nn.Linear(DIM, VOCABULARY, bias=False))

    def forward(self, ids):
        x = self.table(ids) + self.pos
        for op, mlp in zip(self.ops, self.mlps):
            x = x + op(x)
            x = x + mlp(x)
        return self.head(x).flatten(0, 1)


FORMS = {('attention', 'matmul'): Attention, ('attention', 'sdpa'): Fused, ('alpha', 'einsum'): lambda **k: Alpha('einsum', **k),
         ('alpha', 'naive'): lambda **k: Alpha('naive', **k), ('translution', 'streamed'): Translution,
         ('translution', 'naive'): lambda **k: Translution('naive', **k)}


def finish(device):
    if device != 'cpu':
        torch.cuda.synchronize()


def peak_bytes(device):
    return torch.cuda.max_memory_allocated() if device != 'cpu' else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def step(a):
    op, form, batch, steps = a.words[0], a.words[1], int(a.words[2]), int(a.words[3])
    torch.manual_seed(0)
    model = (Gpt if a.task == 'gpt' else Vit)(FORMS[op, form]).to(a.device)
    run = torch.compile(model) if a.compile else model
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4, weight_decay=0.05)
    if a.task == 'gpt':
        x, y = (torch.randint(VOCABULARY, (batch, LENGTH), device=a.device) for _ in range(2))
        y = y.flatten()
    else:
        x = torch.randn(batch, SIDE * SIDE, PATCH, device=a.device)
        y = torch.randint(CLASSES, (batch,), device=a.device)
    times = []
    for _ in range(steps + 1):
        start = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(run(x), y).backward()
        optimizer.step()
        finish(a.device)
        times.append(1e3 * (time.perf_counter() - start))
        if times[-1] > 20000:  # one such step says enough
            break
    timed = times[1:] or times
    return dict(ms_median=statistics.median(timed), ms_min=min(timed), peak_bytes=peak_bytes(a.device))


def rate(flops, run, device):
    best = float('inf')
    for _ in range(9):
        start = time.perf_counter()
        run()
        finish(device)
        best = min(best, time.perf_counter() - start)
    return dict(gflops=flops / best * 1e-9)


def gemm(a):
    m, n, k, trans, batch = int(a.words[0]), int(a.words[1]), int(a.words[2]), a.words[3], int(a.words[4])
    x = torch.randn(batch, *((k, m) if trans[0] == 't' else (m, k)), device=a.device)
    y = torch.randn(batch, *((n, k) if trans[1] == 't' else (k, n)), device=a.device)
    x, y = x.transpose(1, 2) if trans[0] == 't' else x, y.transpose(1, 2) if trans[1] == 't' else y
    out = torch.empty(batch, m, n, device=a.device)
    return rate(2.0 * m * n * k * batch, lambda: torch.bmm(x, y, out=out) if batch > 1 else torch.mm(x[0], y[0], out=out[0]),
                a.device)


def grouped(a):
    side, channels, rows = map(int, a.words)
    table, count = offsets(side)
    counts = torch.bincount(table[1:, 1:].flatten(), minlength=count - 3)[:count - 3].tolist()
    x, w = [torch.randn(p * rows, channels, device=a.device) for p in counts], torch.randn(count, channels, channels, device=a.device)
    out = [torch.empty_like(r) for r in x]

    def run():
        for m, r in enumerate(x):
            torch.mm(r, w[m], out=out[m])
    return rate(2.0 * sum(counts) * rows * channels * channels, run, a.device)


def check(a):
    """All forms of an operation share weights, results and gradients; Translution's are those of a loop over pairs."""
    size = dict(dim=12, heads=3, head_dim=4, side=2)
    for op in ('attention', 'alpha', 'translution'):
        results = []
        for (name, form), make in FORMS.items():
            if name != op:
                continue
            torch.manual_seed(1)
            layer = make(**size).double()
            x = torch.randn(2, 5, 12, dtype=torch.double, requires_grad=True)
            g = torch.randn(2, 5, 12, dtype=torch.double)
            y = layer(x)
            y.backward(g)
            results.append([y.detach(), x.grad] + [p.grad for p in layer.parameters()])
            if op == 'translution':
                q, k, v = layer.tables
                o = torch.zeros(2, 5, 3, 4, dtype=torch.double)
                for i in range(5):
                    s = torch.stack([((x[:, i] @ q[layer.key[j, i]]) * (x[:, j] @ k[layer.key[i, j]])).view(2, 3, 4).sum(-1)
                                     for j in range(5)], -1)
                    p = (s / 2).softmax(-1)
                    for j in range(5):
                        o[:, i] += p[..., j, None] * (x[:, j] @ v[layer.key[i, j]]).view(2, 3, 4)
                results.append([layer.out(o.flatten(2)).detach()])
        for other in results[1:]:
            for one, two in zip(results[0], other):
                assert (one - two).abs().max() <= 1e-10 * one.abs().max(), op
        print(f'{op}: the forms agree', file=sys.stderr)
    return dict(ok=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--task', default='mnist', choices=['mnist', 'gpt'])
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--compile', action='store_true', help='by torch.compile')
    parser.add_argument('--tf32', action='store_true', help='on CUDA: products of fp32 by tensor cores')
    parser.add_argument('what', choices=['step', 'gemm', 'grouped', 'check'])
    parser.add_argument('words', nargs='*')
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    torch.set_float32_matmul_precision('high' if a.tf32 else 'highest')
    limit = os.environ.get('COMPARE_LIMIT_GIB')
    if limit:
        resource.setrlimit(resource.RLIMIT_AS, (int(float(limit) * 2**30),) * 2)
    try:
        print(json.dumps(globals()[a.what](a)))
    except (RuntimeError, MemoryError) as error:
        if isinstance(error, MemoryError) or 'memory' in str(error):
            return 3
        raise


if __name__ == '__main__':
    sys.exit(main())
