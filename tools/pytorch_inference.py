#!/usr/bin/env python3
"""The PyTorch side of `compare_pytorch.py --inference`: models at work under torch.inference_mode, as PyTorch's users could
write them. `pytorch_inference.py generate OP SIZE TOKENS` continues a text with a KV cache, `eval` and `predict OP SIZE 0`
classify images in batches of 64 and one by one. Prints one JSON object: rate, tokens or images a second after the first; first_ms,
from the program's start."""
import time

START = time.perf_counter()

import argparse, json, sys

import torch

import pytorch_forms as forms

WIDTHS = {'tiny': (192, 6, 3), 'small': (384, 12, 6)}  # dim, depth, heads

LONGEST = 20  # seconds: a rate is known by then


def rows_by_distance(table, count):
    """[count, C, D]: the matrices of distances count - 1 ... 0, those of keys 0 ... count - 1 seen from the newest token."""
    return table[:count].flip(0)


class Cached:
    """An operation on one new row x [1, C] at a time; what it needs of earlier ones is kept."""

    def __init__(self, op):
        self.op, self.kept = op, {}

    def keep(self, name, row):
        self.kept[name] = torch.cat([self.kept[name], row]) if name in self.kept else row
        return self.kept[name]

    def heads(self, rows):
        return rows.view(len(rows), self.op.heads, -1)

    def attention(self, x):
        q, k, v = self.op.qkv(x).chunk(3, -1)
        return self.heads(q), self.heads(self.keep('k', k)), self.heads(self.keep('v', v))

    def finish(self, logits, v, scale):
        """logits [n, h], v [n, h, d]; gives the weights and their sum of v, [1, h * d]."""
        weights = (logits * scale).softmax(0)
        return weights, torch.einsum('nh,nhd->hd', weights, v).reshape(1, -1)


class CachedAttention(Cached):
    def __call__(self, x):
        q, k, v = self.attention(x)
        return self.op.out(self.finish(torch.einsum('xhd,nhd->nh', q, k), v, self.op.head_dim ** -0.5)[1])


class CachedAlpha(Cached):
    def __call__(self, x):
        op = self.op
        q, k, v = self.attention(x)
        x2 = op.down[0](x), self.keep('k2', op.down[1](x)), self.keep('v2', op.down[2](x))
        n = len(k)
        # The query's matrices lie the other way round: that of distance i at the end minus i.
        q2 = self.heads(torch.einsum('xc,ncd->nd', x2[0], op.tables[0][-n:]))
        k2, v2 = (self.heads(torch.einsum('nc,ncd->nd', rows, rows_by_distance(op.tables[r], n)))
                  for r, rows in ((1, x2[1]), (2, x2[2])))
        logits = torch.einsum('xhd,nhd->nh', q, k) + (q2 * k2).sum(-1)
        weights, o = self.finish(logits, v, 0.5 * op.head_dim ** -0.5)
        return op.out(0.5 * (o + op.up(torch.einsum('nh,nhr->hr', weights, v2).reshape(1, -1))))


class CachedTranslution(Cached):
    def __call__(self, x):
        op, rows = self.op, self.keep('x', x)
        n = len(rows)
        q = self.heads(torch.einsum('xc,ncd->nd', x, op.tables[0][-n:]))
        k, v = (self.heads(torch.einsum('nc,ncd->nd', rows, rows_by_distance(op.tables[r], n))) for r in (1, 2))
        return op.out(self.finish((q * k).sum(-1), v, op.head_dim ** -0.5)[1])


FORMS = {'attention': (forms.Attention, CachedAttention), 'alpha': (forms.Alpha, CachedAlpha),
         'translution': (forms.Translution, CachedTranslution)}


def operation(name, dim, heads):
    def make(side=forms.SIDE):
        if name == 'translution' and side < 0:  # tables of a sequence: nothing walks the offsets here
            op = forms.Translution(dim=dim, heads=heads, side=1)
            op.tables = torch.nn.ParameterList(torch.randn(-side, dim, dim) / dim for _ in range(3))
            return op
        return FORMS[name][0](dim=dim, heads=heads, side=side)
    return make


def next_token(model, cached, token, place):
    x = model.table(token) + model.pos[place]
    for (norm, _), op, mlp in zip(model.ops, cached, model.mlps):
        x = x + op(norm(x))
        x = x + mlp(x)
    return torch.multinomial(model.head(x).softmax(-1), 1)[0]


def generate(a, dim, heads):
    model = forms.Gpt(operation(a.op, dim, heads)).to(a.device)
    cached = [FORMS[a.op][1](op) for _, op in model.ops]
    token, times = torch.zeros(1, dtype=torch.long, device=a.device), []
    for place in range(a.tokens):
        token = next_token(model, cached, token, place)
        token.item()
        times.append(time.perf_counter())
        if times[-1] - times[0] > LONGEST:
            break
    return times, 1


def classify(a, dim, heads, batch, rounds):
    model = forms.Vit(operation(a.op, dim, heads)).to(a.device)
    x, times = torch.randn(batch, forms.SIDE ** 2, forms.PATCH, device=a.device), []
    for _ in range(rounds):
        model(x).argmax(-1).tolist()
        times.append(time.perf_counter())
        if times[-1] - times[0] > LONGEST:
            break
    return times, batch


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('task', choices=['generate', 'eval', 'predict'])
    parser.add_argument('op', choices=list(FORMS))
    parser.add_argument('size', choices=list(WIDTHS))
    parser.add_argument('tokens', type=int)
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(0)
    dim, forms.DEPTH, heads = WIDTHS[a.size]
    forms.DIM, forms.MLP = dim, 4 * dim
    with torch.inference_mode():
        if a.task == 'generate':
            times, each = generate(a, dim, heads)
        else:
            times, each = classify(a, dim, heads, *((64, 16) if a.task == 'eval' else (1, 200)))
    print(json.dumps(dict(rate=each * (len(times) - 1) / (times[-1] - times[0]), first_ms=1e3 * (times[0] - START))))


if __name__ == '__main__':
    sys.exit(main())
