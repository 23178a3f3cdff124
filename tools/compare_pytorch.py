#!/usr/bin/env python3
"""Times the tiny ViT (84 x 84, patch 12, 50 tokens) or GPT (160 tokens, vocabulary of 50257) in PyTorch and in translution.

    tools/compare_pytorch.py [--program build/release/translution] [--rounds 3] [--only WORD] [--task mnist|gpt] [--json]
    tools/compare_pytorch.py --inference   tokens a second of `generate`, images a second of `eval` and `predict`
    tools/compare_pytorch.py --gemm        matrix products against PyTorch's (OpenBLAS or MKL)
    tools/compare_pytorch.py --check       the PyTorch forms against each other and a loop over pairs

PyTorch runs what its users could write (tools/pytorch_forms.py):
    attention, matmul     batched matmuls; sdpa: torch.nn.functional.scaled_dot_product_attention
    alpha, naive          weights gathered for every pair, as the paper's reference does; alpha, einsum over them
    translution, naive    the same; streamed: an autograd function that walks the offsets and recomputes in backward
A step is forward, backward and AdamW. Inference is tools/pytorch_inference.py: torch.inference_mode, and for text a KV cache.
Every measurement is a process of its own, so that peak memory is its own too. The sides take turns, a round of each: ours,
PyTorch eager, PyTorch compiled where the form suits torch.compile, ours again. What counts is the median of the rounds'
ratios, the faster of PyTorch's two to ours, with the least and the largest of them behind: a noisy machine disturbs a round's
sides alike. Needs PyTorch 1.13 or newer, which the product does not; --device cuda runs PyTorch there and translution on
--ours-device.
"""
import argparse, json, os, statistics, struct, subprocess, sys, tempfile, zlib

HERE = os.path.dirname(os.path.abspath(__file__))
# operation, PyTorch form, batch
CASES = [('attention', 'matmul', 64), ('attention', 'sdpa', 64), ('alpha', 'einsum', 64), ('alpha', 'naive', 8), ('translution', 'streamed', 32),
         ('translution', 'naive', 1)]
TEXT_CASES = [('attention', 'matmul', 8), ('attention', 'sdpa', 8), ('alpha', 'einsum', 8), ('alpha', 'naive', 2),
              ('translution', 'streamed', 8)]
COMPILED = ('matmul', 'sdpa', 'einsum')  # forms that torch.compile takes in reasonable time
# task, operation, size
OPERATIONS = ('attention', 'alpha', 'translution')
INFERENCE = [(task, op, size) for task, size in (('generate', 'tiny'), ('generate', 'small'), ('eval', 'tiny'), ('predict', 'tiny'))
             for op in OPERATIONS]
# m, n, k, transposition, batch
GEMMS = [(1024, 1024, 1024, 'nn', 1), (3200, 192, 192, 'nt', 1), (3200, 576, 192, 'nt', 1), (3200, 768, 192, 'nt', 1),
         (3200, 192, 768, 'nt', 1), (1280, 50257, 192, 'nt', 1), (192, 192, 3200, 'tn', 1), (768, 192, 3200, 'tn', 1),
         (50, 50, 64, 'nt', 192), (50, 64, 50, 'nn', 192)]
GROUPED = (7, 192, 64)  # side of the grid, channels, rows a token


def child(arguments, threads, limit_gib):
    """The JSON that a child process prints, None when it needs more memory than there is."""
    env = dict(os.environ, OMP_WAIT_POLICY='passive',  # spinning threads would slow the other side
               OMP_NUM_THREADS=str(threads), OPENBLAS_NUM_THREADS=str(threads), MKL_NUM_THREADS=str(threads))
    if limit_gib:
        env['COMPARE_LIMIT_GIB'] = str(limit_gib)
    done = subprocess.run(arguments, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    lines = done.stdout.strip().splitlines()
    if done.returncode == 0 and lines:
        return json.loads(lines[-1])
    if done.returncode in (3, -9, 137):
        return None
    sys.exit(f'{" ".join(arguments)} failed:\n{done.stderr[-2000:]}')


def theirs(a, *arguments, script='pytorch_forms.py'):
    tf32 = ['--tf32'] if a.tf32 and script == 'pytorch_forms.py' else []
    return child([sys.executable, os.path.join(a.forms or HERE, script), '--device', a.device,
                  '--threads', str(a.threads), *tf32, *map(str, arguments)], a.threads, a.memory_limit)


def program(a, *arguments):
    device = ['--device', a.ours_device] if a.ours_device else []
    return child([a.program, *map(str, arguments), '--quiet', *device], a.threads, None)


def ours(a, *arguments):
    return program(a, 'bench', *arguments, *(['--precision', 'tf32'] if a.tf32 else []), '--json')


def in_turns(rounds, sides):
    """What the sides (name: function) give, round by round; one that does not fit the memory is not asked again."""
    results = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            if None not in results[name]:
                results[name].append(side())
    return {name: [r for r in list_ if r is not None] for name, list_ in results.items()}


def compare(results, key, better):
    """Medians of the sides, and the median, least and largest of the rounds' ratios by which 'ours' is better than the best of
    the others. better: min where less is better, max where more is."""
    row = {f'{name}_{key}': statistics.median(r[key] for r in list_) if list_ else None for name, list_ in results.items()}
    others = [list_ for name, list_ in results.items() if name != 'ours' and list_]
    pairs = [(r[0][key], better(other[key] for other in r[1:])) for r in zip(results['ours'], *others)] if others else []
    ratios = [theirs / ours if better is min else ours / theirs for ours, theirs in pairs]
    for name, of in (('ratio', statistics.median), ('ratio_least', min), ('ratio_most', max)):
        row[name] = of(ratios) if ratios else None
    return row


def number(value, width, digits=0, missing='-'):
    return f'{value:{width}.{digits}f}' if value is not None else f'{missing:>{width}}'


def ratio_text(row):
    if row['ratio'] is None:
        return f'{"-":>18}'
    return f'{row["ratio"]:6.2f} ({row["ratio_least"]:.2f}-{row["ratio_most"]:.2f})'


def gib(size):
    return number(size / 2**30 if size else None, 6, 2)


def check_blas(a):
    """Debian's PyTorch takes the reference BLAS where no other is installed: nobody should be compared with that."""
    rate = theirs(a, 'gemm', 512, 512, 512, 'nn', 1)['gflops']
    if a.device == 'cpu' and rate < 10 * a.threads:
        print(f"warning: PyTorch's matrix products reach {rate:.0f} GFLOP/s, as without an optimised BLAS: "
              f'on Debian, install libopenblas0-pthread', file=sys.stderr)


def compare_steps(a):
    rows = []
    for op, form, batch in TEXT_CASES if a.task == 'gpt' else CASES:
        if a.only not in f'{op} {form}':
            continue
        sides = {'ours': lambda: ours(a, 'step', '--task', a.task, '--op', op, '--batch-size', batch, '--rounds', a.steps),
                 'eager': lambda: theirs(a, '--task', a.task, 'step', op, form, batch, a.steps)}
        if form in COMPILED and not a.no_compile:
            sides['compiled'] = lambda: theirs(a, '--task', a.task, '--compile', 'step', op, form, batch, a.steps)
        results = in_turns(a.rounds, sides)
        row = dict(op=op, form=form, batch=batch, **compare(results, 'ms_median', min),
                   limit_fraction=statistics.median(r['limit_fraction'] for r in results['ours']),
                   ours_bytes=max(r['peak_process_bytes'] for r in results['ours']),
                   eager_bytes=max((r['peak_bytes'] for r in results['eager']), default=None))
        rows.append(row)
        if not a.json:
            print(f'{op:12} {form:9} {batch:5} {number(row["eager_ms_median"], 9, 0, "no memory")} '
                  f'{number(row.get("compiled_ms_median"), 9)} {number(row["ours_ms_median"], 9)} {ratio_text(row):>18}  '
                  f'{gib(row["eager_bytes"])} {gib(row["ours_bytes"])}  {row["limit_fraction"]:5.2f}', flush=True)
    return rows


def write_png(path, side, seed):
    """A grey image of side x side pixels without meaning."""
    def chunk(name, data):
        return struct.pack('>I', len(data)) + name + data + struct.pack('>I', zlib.crc32(name + data))
    rows = b''.join(b'\0' + bytes((i * j * (seed + 1)) % 256 for j in range(side)) for i in range(side))
    with open(path, 'wb') as file:
        file.write(b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', side, side, 8, 0, 0, 0, 0)) +
                   chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b''))


def infer(a, task, run, images):
    """A second's tokens or images of a saved model, and the milliseconds from the program's start to the first."""
    if task == 'generate':
        r = program(a, 'generate', run, '--prompt', 'a', '--tokens', a.tokens, '--json')
        return dict(rate=r['tokens_per_second'], first_ms=r['first_token_ms'])
    if task == 'eval':
        return dict(rate=program(a, 'eval', run)['images_per_second'], first_ms=None)
    r = program(a, 'predict', run, *images, '--json')
    return dict(rate=r['images_per_second'], first_ms=r['first_image_ms'])


def compare_inference(a, folder):
    rows, images = [], [os.path.join(folder, f'{i}.png') for i in range(a.images)]
    for i, path in enumerate(images):
        write_png(path, 28, i)
    for task, op, size in INFERENCE:
        if a.only not in f'{task} {op} {size}':
            continue
        run = os.path.join(folder, f'{task}-{op}-{size}')
        kind = ('gpt', '--batch-size', 1) if task == 'generate' else ('mnist', '--batch-size', 8, '--limit-train', 8)
        program(a, 'train', *kind, '--op', op, '--size', size, '--steps', 1, '--limit-test', 1 if task == 'generate' else 1024,
                '--out', run)
        sides = {'ours': lambda: infer(a, task, run, images),
                 'eager': lambda: theirs(a, task, op, size, a.tokens, script='pytorch_inference.py')}
        results = in_turns(a.rounds, sides)
        row = dict(task=task, op=op, size=size, **compare(results, 'rate', max))
        for name, list_ in results.items():
            first = [r['first_ms'] for r in list_ if r['first_ms'] is not None]
            row[f'{name}_first_ms'] = statistics.median(first) if first else None
        rows.append(row)
        if not a.json:
            print(f'{task:9} {op:12} {size:6} {number(row["eager_rate"], 9, 1, "no memory")} {number(row["ours_rate"], 9, 1)} '
                  f'{ratio_text(row):>18}  {number(row["eager_first_ms"], 8)} {number(row["ours_first_ms"], 8)}', flush=True)
    return rows


def compare_gemms(a):
    rows = []
    cases = [dict(zip(('m', 'n', 'k', 'trans', 'batch'), g)) for g in GEMMS] + [dict(grouped=GROUPED)]
    for case in cases:
        if 'grouped' in case:
            side, channels, rows_each = GROUPED
            name = f'grouped {side}x{side}, {rows_each} x {channels} x {channels}'
            mine = ('--grouped', f'{side}x{side}', '--n', channels, '--k', channels, '--batch', rows_each)
            yours = ('grouped', side, channels, rows_each)
        else:
            name = f'{case["m"]} x {case["n"]} x {case["k"]} {case["trans"]}' + (
                f', batch {case["batch"]}' if case['batch'] > 1 else '')
            mine, yours = [w for k, v in case.items() for w in (f'--{k}', v)], ('gemm', *case.values())
        if a.only not in name:
            continue
        results = in_turns(a.rounds, {'ours': lambda: ours(a, 'gemm', *mine), 'theirs': lambda: theirs(a, *yours)})
        rows.append(dict(name=name, **compare(results, 'gflops', max)))
        if not a.json:
            print(f'{name:34} {rows[-1]["theirs_gflops"]:10.1f} {rows[-1]["ours_gflops"]:12.1f} {ratio_text(rows[-1])}', flush=True)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--program', default='build/release/translution')
    parser.add_argument('--rounds', type=int, default=3, help='turns of each side')
    parser.add_argument('--steps', type=int, default=5, help='timed steps a turn')
    parser.add_argument('--threads', type=int, default=os.cpu_count())
    parser.add_argument('--task', default='mnist', choices=['mnist', 'gpt'])
    parser.add_argument('--only', default='', help='cases whose "operation form", or product, holds this word')
    parser.add_argument('--memory-limit', type=float, help='GiB of address space for PyTorch')
    parser.add_argument('--device', default='cpu', help="PyTorch's device: cpu or cuda")
    parser.add_argument('--ours-device', help="translution's device (see translution devices)")
    parser.add_argument('--tf32', action='store_true', help='steps and products by TF32, on both sides')
    parser.add_argument('--no-compile', action='store_true', help='PyTorch eager alone')
    parser.add_argument('--tokens', type=int, default=150, help='tokens to generate, at most 160')
    parser.add_argument('--images', type=int, default=200, help='images to predict')
    parser.add_argument('--forms', help='folder of other scripts in the place of pytorch_forms.py and pytorch_inference.py')
    parser.add_argument('--inference', action='store_true')
    parser.add_argument('--gemm', action='store_true')
    parser.add_argument('--check', action='store_true')
    parser.add_argument('--json', action='store_true')
    a = parser.parse_args()
    if a.check:
        return subprocess.run([sys.executable, os.path.join(HERE, 'pytorch_forms.py'), 'check']).returncode
    if a.memory_limit is None and a.device == 'cpu':
        a.memory_limit = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30 * 0.9
    check_blas(a)
    if a.gemm:
        if not a.json:
            print(f'{"GFLOP/s, medians of " + str(a.rounds) + " turns":34} {"PyTorch":>10} {"translution":>12} {"ratio (spread)":>18}')
        rows = compare_gemms(a)
    elif a.inference:
        if not a.json:
            print(f'tokens or images a second, medians of {a.rounds} turns, {a.threads} threads; ms to the first from the start\n'
                  f'{"task":9} {"operation":12} {"size":6} {"PyTorch":>9} {"ours":>9} {"ratio (spread)":>18}  '
                  f'{"first ms":>8} {"ours":>8}')
        with tempfile.TemporaryDirectory() as folder:
            rows = compare_inference(a, folder)
    else:
        if not a.json:
            print(f'ms a step, medians of {a.rounds} turns of {a.steps} steps, {a.threads} threads\n'
                  f'{"operation":12} {"form":9} {"batch":>5} {"eager":>9} {"compiled":>9} {"ours":>9} {"ratio (spread)":>18}  '
                  f'{"GiB":>6} {"ours":>6}  {"limit_fraction":>5}')
        rows = compare_steps(a)
    if a.json:
        print(json.dumps(rows))


if __name__ == '__main__':
    sys.exit(main())
